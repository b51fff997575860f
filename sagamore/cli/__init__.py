"""The command line: a file for each command, each with `add_parser(subparsers)`; `registry.py` lists them.

Reading goes to the files, whoever owns the directory. What changes something is done by the owner: through its control
socket while it runs, otherwise by this process, which then owns the directory for as long as the command takes.
"""
