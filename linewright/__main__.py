"""`python -m linewright`: the same as the command `linewright`."""

from linewright.cli import main

main()
