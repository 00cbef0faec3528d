"""Pictures of personas: each is drawn again from its pixels, so that nothing foreign is stored or served."""
