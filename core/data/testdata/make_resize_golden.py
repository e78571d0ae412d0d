#!/usr/bin/env python3
"""Write resize.json: Pillow's bilinear resize of a picture that the test draws by the same formula.

    apt-get install -y python3-pil python3-numpy
    /usr/bin/python3 make_resize_golden.py
"""
import base64, json, os, zlib
import numpy as np
import PIL
from PIL import Image

CASES = [  # source w, h, box, width, height
    (16, 12, (0, 0, 16, 12), 16, 12),
    (40, 30, (0, 0, 40, 30), 20, 15),
    (40, 30, (0, 0, 40, 30), 13, 11),
    (20, 15, (0, 0, 20, 15), 47, 32),
    (40, 30, (0, 0, 40, 30), 40, 9),
    (40, 30, (0, 0, 40, 30), 7, 30),
    (40, 30, (3, 5, 31, 29), 20, 20),
    (40, 30, (2.25, 1.5, 37.75, 28.875), 24, 24),
    (40, 30, (10.3, 9.7, 14.1, 12.2), 20, 20),
    (40, 30, (0, 0, 40, 12.5), 40, 12),
    (300, 200, (0, 0, 300, 200), 24, 24),
    (300, 200, (17.5, 60, 290, 199), 31, 3),
    (1, 1, (0, 0, 1, 1), 5, 4),
    (19, 40, (0, 0, 19, 40), 24, 24),
    (3, 200, (0, 0, 3, 200), 2, 1),
    (24, 24, (2, 3, 21, 22), 24, 24),
]


def picture(w, h):
    y, x, c = np.mgrid[0:h, 0:w, 0:3]
    return ((x * x * 3 + y * y * 5 + x * y * 7 + c * 400) // 8 % 256).astype(np.uint8)


out = []
for w, h, box, dw, dh in CASES:
    small = Image.fromarray(picture(w, h)).resize((dw, dh), Image.BILINEAR, box=box)
    pix = base64.b64encode(zlib.compress(np.asarray(small).tobytes(), 9)).decode()
    out.append(dict(source=[w, h], box=box, size=[dw, dh], pix=pix))
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resize.json")
with open(path, "w") as f:
    json.dump(dict(pillow=PIL.__version__, cases=out), f, indent=1)
    f.write("\n")
