"""A card's files beside its picture: stored unchanged, exported again, and never shown or opened here."""
