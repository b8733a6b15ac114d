"""Tools of these tests: the server as a process, an HTTP client that checks every answer, a silent model."""
