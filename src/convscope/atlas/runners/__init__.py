"""Ways to map a picklable function over tasks: here, in this process, one after another (`serial`)."""
