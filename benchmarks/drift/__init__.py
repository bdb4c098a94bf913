"""What is gained by gridding along with the drift: simulated tracks over ice whose true motion is not the known one."""
