"""The outside: payment providers, and what sends to users. The only network code besides the command line."""
