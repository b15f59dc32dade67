"""Starting, watching and stopping programs: nothing here knows what they are."""
