"""What one verb each needs beyond the walk: orders of people, the watchdog, status, cleaning up."""
