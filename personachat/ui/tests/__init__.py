"""The Tests page: suites in an editor, runs as they come, results case by case."""
