"""Pursue research ideas: `python launch_scientist.py --idea weight_initialization_grokking`."""

import sys

from ai_scientist.launch import main

if __name__ == "__main__":
    sys.exit(main())
