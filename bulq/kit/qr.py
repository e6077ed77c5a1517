import segno
from segno.utils import matrix_to_lines

BORDER = 2


def qr(text):
    return drawn(segno.make(text, error="m"))


def drawn(code, border=BORDER):
    """A code as the size of a square and a path of lines in it, as SVG writes them."""
    lines = matrix_to_lines(code.matrix, border, border + 0.5)
    size, _height = code.symbol_size(border=border)
    return {"size": size, "path": "".join(f"M{start} {y}h{end - start}" for (start, y), (end, _y) in lines)}
