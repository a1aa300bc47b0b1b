"""Where events and cues go: terminal, sounds, journal, labels. They may drop what they cannot show; they never wait."""
