"""Pictures as tests see them: the pixels of a PNG file, and where the panels of an SVG file are."""
import struct
import xml.etree.ElementTree as xml
import zlib

SVG = "{http://www.w3.org/2000/svg}"


def pixels(path):
    """The rows of an RGB picture of 8 bits a channel, each a list of (red, green, blue)."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        content = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", content)
            assert (depth, colours, interlaced) == (8, 2, 0)
        if kind == b"IDAT":
            body += content
        at += 12 + size
    body, line = zlib.decompress(body), 3 * width
    before, rows = bytearray(line), []
    for k in range(height):
        how, now = body[k * (line + 1)], bytearray(body[k * (line + 1) + 1:(k + 1) * (line + 1)])
        for i in range(line):
            left = now[i - 3] if i >= 3 else 0
            up, corner = before[i], before[i - 3] if i >= 3 else 0
            if how == 1:
                now[i] = now[i] + left & 255
            elif how == 2:
                now[i] = now[i] + up & 255
            elif how == 3:
                now[i] = now[i] + (left + up) // 2 & 255
            elif how == 4:
                nearest = min((left, up, corner), key=lambda v: abs(left + up - corner - v))
                now[i] = now[i] + nearest & 255
        rows.append([tuple(now[i:i + 3]) for i in range(0, line, 3)])
        before = now
    return rows


def frames(svg):
    """(left, top, right, bottom) of each panel of a page: of what is cut off around it."""
    def box(element, by):
        left, top, width, height = (float(element.get(k)) for k in ("x", "y", "width", "height"))
        return left + by, top + by, left + width - by, top + height - by

    def found():
        for part in svg.iter(SVG + "svg"):
            if part is svg:
                continue
            heat = part.find(SVG + "image") is not None
            yield box(part, 0 if heat else 5)
    return sorted(set(found()), key=lambda b: (b[1], b[0]))


def page(path):
    with open(path, "rb") as f:
        return xml.fromstring(f.read())


def inside(picture, box, scale):
    """The pixels whose middles are in a box."""
    left, top, right, bottom = (round(v * scale) for v in box)
    return [row[left:right] for row in picture[top:bottom]]
