package pluginhost

// processRuns is not asked on Windows: there are no socket folders to clean.
func processRuns(int) bool { return true }
