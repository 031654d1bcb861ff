#!/bin/sh
# Runs the tests of control groups in a kernel of their own (user-mode Linux), as root, where this machine has no cgroup v2
# for its users: sh tests/control_groups.sh [pytest arguments]. Debian, Ubuntu: apt-get install user-mode-linux
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
if [ $$ -ne 1 ]; then
  export TMPDIR=/dev/shm
  [ $# -gt 0 ] || set -- tests/test_cgroup.py
  exec linux mem="${MEMORY:-1G}" root=/dev/root rootfstype=hostfs rootflags=/ ro quiet con=null con0=fd:0,fd:1 \
    init=/bin/sh -- "$here/tests/control_groups.sh" "$@" </dev/null
fi
for it do shift; [ "$it" = console=tty0 ] || set -- "$@" "$it"; done # user-mode Linux adds it
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t tmpfs -o size=4g tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/tests
echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
uname -sr
cd "$here"
export TMPDIR=/dev/shm HOME=/dev/shm HYPOTHESIS_STORAGE_DIRECTORY=/dev/shm/hypothesis PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
sh -c 'echo $$ >/sys/fs/cgroup/tests/cgroup.procs && exec .venv/bin/python -m pytest -p no:cacheprovider "$@"' sh "$@" || true
echo o >/proc/sysrq-trigger
sleep 5
