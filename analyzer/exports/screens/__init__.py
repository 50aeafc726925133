"""The fragments of HTML that the app shows: each a whole part of a screen, without the page around it."""
