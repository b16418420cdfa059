"""`python -m demo`: see `demo.command`."""

import typer

from demo.command import EPILOG, command

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
app.command(epilog=EPILOG)(command)

if __name__ == "__main__":
    app(prog_name="python -m demo")
