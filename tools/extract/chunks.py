"""The chunk file: raw-deflate streams behind a table of sizes, read by crates/catalog/src/chunks.rs.

u32 count, then per chunk u32 packed size and u32 plain size (little endian), then the packed chunks.
"""

import struct
import zlib


class Chunks:
    """Appends texts, starting a new chunk when the current one would exceed the target size."""

    def __init__(self, target):
        self.target = target
        self.texts = [[]]
        self.sizes = [0]

    def add(self, text, alone=False):
        """Stores the text; answers its chunk number and byte offset in that chunk."""
        data = text.encode("utf-8")
        if self.sizes[-1] and (alone or self.sizes[-1] + len(data) > self.target):
            self.start()
        place = (len(self.texts) - 1, self.sizes[-1])
        self.texts[-1].append(data)
        self.sizes[-1] += len(data)
        if alone:
            self.start()
        return place

    def start(self):
        self.texts.append([])
        self.sizes.append(0)

    def file(self):
        plain = [b"".join(texts) for texts in self.texts if texts]
        packed = [deflate(data) for data in plain]
        header = struct.pack("<I", len(plain))
        header += b"".join(struct.pack("<II", len(small), len(large)) for small, large in zip(packed, plain))
        return header + b"".join(packed)


def deflate(data):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return compressor.compress(data) + compressor.flush()


def clean(text):
    """One line of text without tabs."""
    return " ".join(text.split())
