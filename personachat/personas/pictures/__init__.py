"""Pictures of personas: what comes from outside becomes one of our own; nothing foreign is kept or served."""
