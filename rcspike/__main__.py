"""``python -m rcspike`` and the console script."""

import sys


def main() -> None:
    """Run the command line, or say what it takes to have one."""
    try:
        from rcspike.cli import app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(f"error: the command line needs {missing}: pip install 'rcspike[cli]'", file=sys.stderr)
        sys.exit(2)
    app(prog_name="rcspike")


if __name__ == "__main__":
    main()
