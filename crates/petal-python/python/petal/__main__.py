"""The command `petal`, as `python -m petal`."""

import sys

from ._petal import command


def main():
    sys.exit(command(sys.argv[1:]))


if __name__ == "__main__":
    main()
