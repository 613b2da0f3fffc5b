"""What a service and its runs know: settings, hours, whom to tell, what was missed."""
