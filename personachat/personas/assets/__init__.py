"""What lies in a card beside its picture: kept as it came, given back, and never shown or opened here."""
