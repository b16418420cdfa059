"""The notifiers that come with batchbell. A folder each: run-time code, infrastructure, preview and README."""
