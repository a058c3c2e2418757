"""The errors that a user is meant to see."""


class OneLineError(Exception):
    """Bad input; the text is one printable line, whatever names and values it quotes."""

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) > 2000:
            text = f"{text[:1500]} … {text[-400:]}"
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class DataError(OneLineError, ValueError):
    """Data that are not available or cannot be divided as asked; one line says what to do."""
