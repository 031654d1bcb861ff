"""Whole studies on real clusters of two nodes on this machine: Ray, and Slurm from Debian's packages.

They listen on every interface, so that they are started only where there is none but the loopback: `make test-cluster`
makes such a network name space and runs this file in it.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from conftest import GOOD, Bench, rate, wait_for

from ai_scientist.lab import JobId
from ai_scientist.study.events import AttemptEnded, AttemptStarted

ROOT = Path(__file__).parent.parent
ADDRESS = "10.99.0.1"  # of the loopback: 127.0.0.1 alone is no network for the resolver
SLOW = "print('slow', flush=True); import time; time.sleep({seconds})"

pytestmark = [
    pytest.mark.skipif(
        set(psutil.net_if_addrs()) != {"lo"}, reason="clusters listen on every interface: make test-cluster"
    ),
    # Ray leaves sockets and log files of its own open.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@dataclass(frozen=True)
class Cluster:
    """A cluster of two nodes that do runs; `lose` ends the node that a process works on, with all that runs there."""

    name: str
    flags: tuple[str, ...]
    lose: Callable[[psutil.Process], None]


@pytest.fixture(scope="module")
def ray() -> Iterator[Cluster]:
    pytest.importorskip("ray", reason="Ray is not installed: make test-cluster")
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    from ray.cluster_utils import Cluster as RayCluster

    quick = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    head = {"num_cpus": 0, "node_ip_address": ADDRESS, "include_dashboard": False, "_system_config": quick}
    cluster = RayCluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, node_ip_address=ADDRESS) for _ in range(2)]

    def lose(run: psutil.Process) -> None:
        above = {process.pid for process in run.parents()}
        (node,) = [it for it in nodes if it.all_processes["raylet"][0].process.pid in above]
        nodes.remove(node)
        cluster.remove_node(node, allow_graceful=False)
        nodes.append(cluster.add_node(num_cpus=1, node_ip_address=ADDRESS))

    yield Cluster("ray", ("--executor", "ray", "--ray-address", cluster.address), lose)
    import ray as engine

    engine.shutdown()
    cluster.shutdown()


SLURM = """
ClusterName=test
SlurmctldHost={host}({address})
SlurmUser={user}
AuthType=auth/munge
AuthInfo=socket={place}/munge/socket
StateSaveLocation={place}
SlurmctldPidFile={place}/slurmctld.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdPidFile={place}/%n.pid
SlurmdLogFile={place}/%n.log
SlurmdSpoolDir={place}/%n
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SlurmdTimeout=10
KillWait=5
ReturnToService=2
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=n1 NodeHostname={host} NodeAddr={address} Port=16821 CPUs=1 RealMemory=2000
NodeName=n2 NodeHostname={host} NodeAddr={address} Port=16822 CPUs=1 RealMemory=2000
PartitionName=all Nodes=n1,n2 Default=YES State=UP
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    for program in ("slurmctld", "slurmd", "munged", "squeue"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"there is no {program}. Debian, Ubuntu: sudo apt install slurmctld slurmd slurm-client munge")
    if Path("/proc/self/setgroups").read_text() == "deny\n":
        pytest.skip("slurmd needs setgroups, which a user's own name space lacks: sudo make test-cluster")
    place = tmp_path_factory.mktemp("slurm")
    for folder in (place, *place.parents):
        if folder.is_relative_to("/tmp"):
            folder.chmod(0o711) if folder != Path("/tmp") else None  # munged wants to be reached, and not to be changed
    (place / "munge").mkdir(0o711)
    (place / "munge" / "key").write_bytes(os.urandom(128))
    (place / "munge" / "key").chmod(0o600)
    configuration = place / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    configuration.write_text(SLURM.format(host=host, address=ADDRESS, user=getpass.getuser(), place=place))
    os.environ["SLURM_CONF"] = str(configuration)
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{option}={place}/munge/{name}" for option, name in names.items()]
    subprocess.run(["/usr/sbin/munged", "--force", *munge], check=True)
    subprocess.run(["/usr/sbin/slurmctld"], check=True)
    start = lambda node: subprocess.run(["/usr/sbin/slurmd", "-N", node], check=True)  # noqa: E731
    start("n1")
    start("n2")
    idle = ["sinfo", "--noheader", "--states", "idle", "--format", "%D"]
    both = lambda: subprocess.run(idle, capture_output=True, text=True, check=False).stdout.strip() == "2"  # noqa: E731
    wait_for(both)

    def lose(run: psutil.Process) -> None:
        asked = ["squeue", "--noheader", "--states", "RUNNING", "--format", "%N"]
        node = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        daemon = psutil.Process(int((place / f"{node}.pid").read_text()))
        steps = [it for it in psutil.process_iter(["name"]) if it.info["name"] == "slurmstepd"]
        gone = [daemon, *steps, *(beneath for step in steps for beneath in step.children(recursive=True))]
        for process in gone:
            process.kill()
        wait_for(lambda: not run.is_running())
        nodes_lost.append(node)

    nodes_lost: list[str] = []
    yield Cluster("slurm", ("--executor", "slurm", "--slurm-options", "partition=all"), lose)
    for path in (*place.glob("*.pid"), place / "munge" / "pid"):
        if path.stem not in nodes_lost:
            os.kill(int(path.read_text()), signal.SIGTERM)


@pytest.fixture(params=["ray", "slurm"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return request.getfixturevalue(request.param)


def slow(seconds: float) -> dict[str, str]:
    """The replies of a good study whose first run takes its time."""
    edit = rate("0.1", f"0.2\n{SLOW.format(seconds=seconds)}")
    return GOOD | {
        "run_1.attempt_1": GOOD["run_1.attempt_1"].replace(rate("0.1", "0.2"), edit),
        "run_2.attempt_1": GOOD["run_2.attempt_1"].replace(
            rate("0.2", "0.4"), rate(f"0.2\n{SLOW.format(seconds=seconds)}", "0.4")
        ),
    }


def running(run: str = "run_1") -> list[psutil.Process]:
    """The interpreters that do this run."""
    found = [(it, it.info["cmdline"] or [""]) for it in psutil.process_iter(["cmdline"])]
    own = ["experiment.py", f"--out_dir={run}"]
    return [it for it, words in found if words[1:] == own and Path(words[0]).name.startswith("python")]


def begun(bench: Bench, replies: dict[str, str], *flags: str) -> "subprocess.Popen[bytes]":
    """A study in a process of its own, in whose first run it is."""
    places = ("--templates-dir", str(bench.root / "templates"), "--results-dir", str(bench.results))
    wanted = ("--idea", "learning_rate", "--recording", str(bench.record(replies)), "--max-runs", "2", *flags)
    process = subprocess.Popen([sys.executable, str(ROOT / "launch_scientist.py"), *places, *wanted])
    wait_for(lambda: bool(running()) or process.poll() is not None, 90)
    assert process.poll() is None
    return process


def jobs(bench: Bench, run: int) -> list[JobId]:
    return [it.process for it in bench.of(AttemptStarted) if it.run == run]


def test_whole_study_measures_on_the_cluster_what_it_measures_here(bench: Bench, cluster: Cluster) -> None:
    assert bench.study(GOOD, "--max-runs", "2", *cluster.flags, "--cpus-per-run", "1") == 0
    there = bench.state
    assert {job.engine for run in (0, 1, 2) for job in jobs(bench, run)} == {cluster.name}
    assert (bench.folder / "run_1" / "stdout.log").read_text() == "progress 0/2 narrow\nprogress 1/2 wide\n"
    assert there.setup.sandbox in ("bubblewrap", "landlock")
    assert not (bench.folder / ".jobs").exists()
    shutil.rmtree(bench.results)
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert bench.state.metrics == there.metrics


def test_run_of_a_lost_node_is_done_elsewhere_and_not_held_against_the_agent(bench: Bench, cluster: Cluster) -> None:
    process = begun(bench, slow(15), *cluster.flags)
    cluster.lose(running()[0])
    assert process.wait(200) == 0
    assert [(it.run, it.attempt, it.outcome) for it in bench.of(AttemptEnded)] == [(1, 1, "ok"), (2, 1, "ok")]
    assert len(set(jobs(bench, 1))) == 2
    assert "a job was lost, and is sent again" in (bench.folder / "log.txt").read_text()


def test_killed_orchestrators_job_is_found_by_its_name_and_ended(bench: Bench, cluster: Cluster) -> None:
    process = begun(bench, slow(60), *cluster.flags)
    (left,) = jobs(bench, 1)
    process.kill()
    process.wait()
    resumed = bench.record(GOOD)
    (resumed / "run_1.attempt_1.md.j2").write_text(slow(0)["run_1.attempt_1"])
    code = bench.folder / "experiment.py"
    assert "time.sleep(60)" in code.read_text()
    # The edit with the long sleep is in the study already: a short limit of time ends its run as it would here.
    resume = [sys.executable, str(ROOT / "launch_scientist.py"), "--resume", str(bench.folder), "--run-timeout", "5"]
    done = subprocess.run([*resume, "--max-attempts", "1"], timeout=150, check=False)
    assert done.returncode in (0, 1)
    assert not running()
    assert left != jobs(bench, 1)[-1]
    assert jobs(bench, 1)[-1].engine == cluster.name
    assert bench.of(AttemptEnded)[0].outcome == "timed_out"
    if cluster.name == "slurm":  # Ray's ended with its owner
        assert "was still running; it has been ended" in (bench.folder / "log.txt").read_text()


def test_ctrl_c_ends_the_job(bench: Bench, cluster: Cluster) -> None:
    process = begun(bench, slow(100), *cluster.flags)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 1
    assert not running()
    assert bench.state.stopped == "interrupted"
