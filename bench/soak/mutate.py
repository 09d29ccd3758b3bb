"""Damaging bytes, as disks, networks and people do."""


def mutate(random, content, others):
    """`content` with one to four changes; `others` are files of which pieces may be put in."""
    content = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 4])):
        size = len(content)
        if size == 0:
            break
        at = random.randrange(size)
        # What decides how a file is read is at its beginning.
        if random.random() < 0.5:
            at = random.randrange(min(size, 512))
        kind = random.choice(["bit", "bit", "byte", "zeros", "cut", "number", "copy", "insert", "delete", "splice"])
        length = min(size - at, random.choice([1, 2, 4, 16, 100, 1000, 10000]))
        if kind == "bit":
            content[at] ^= 1 << random.randrange(8)
        elif kind == "byte":
            content[at] = random.randrange(256)
        elif kind == "zeros":
            content[at:at + length] = bytes(length)
        elif kind == "cut":
            del content[at:]
        elif kind == "number":
            value = random.choice([0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1])
            width = random.choice([1, 2, 4, 8])
            content[at:at + width] = (value % 256**width).to_bytes(width, random.choice(["little", "big"]))
        elif kind == "copy":
            to = random.randrange(size)
            content[to:to + length] = content[at:at + length]
        elif kind == "insert":
            content[at:at] = content[at:at + length]
        elif kind == "delete":
            del content[at:at + length]
        else:
            other = random.choice(others)
            start = random.randrange(max(len(other), 1))
            content[at:at + length] = other[start:start + length]
    return bytes(content)


def mutate_text(random, text):
    """A JSON text with a number, a word or a sign changed."""
    import re

    parts = re.findall(r'"[^"]*"|-?\d[\d.eE+-]*|[^"\d]', text) or [text]
    for _ in range(random.choice([1, 1, 2, 3])):
        at = random.randrange(len(parts))
        values = ["0", "-1", "1", "1e308", "-1e999", "18446744073709551615", "18446744073709551616", "0.5", "null",
                  "true", "[]", "{}", '""', '"\\u0000"', '"../../x"', '"nothing"', "1e-400", "4294967296"]
        if random.random() < 0.3:
            parts[at] = parts[random.randrange(len(parts))]
        elif random.random() < 0.2:
            del parts[at:]
            parts = parts or [""]
        else:
            parts[at] = random.choice(values)
    return "".join(parts)
