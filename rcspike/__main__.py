"""``python -m rcspike`` and the console script."""

import sys

from rcspike._sdk import ANSWERS


def main() -> None:
    """Run the command line, or say what it takes to have one; what builds ask for needs none."""
    asked = sys.argv[1:]
    if asked and all(word in ANSWERS for word in asked):
        print(*(ANSWERS[word]() for word in asked), sep="\n")
        return
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
