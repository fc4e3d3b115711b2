"""Who does the tasks: each runner maps a picklable function over groups of tasks and yields what it gives."""
