"""What a person sees: the words for events, the live view or plain lines, the log, and the closing summary."""
