#!/usr/bin/env python3
"""Write images/* and decode.json: small files of each kind, and the pixels Pillow reads from them.

    apt-get install -y python3-pil python3-numpy
    /usr/bin/python3 make_decode_golden.py
"""
import base64, json, os, zlib
import numpy as np
import PIL
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
DIR = os.path.join(HERE, "images")


def picture(w, h):
    """Smooth colours with one hard edge, as photos have them."""
    y, x = np.mgrid[0:h, 0:w]
    r = 128 + 100 * np.sin(x / 5) * np.cos(y / 7)
    g = 255 * x / w
    b = 255 * y / h
    a = np.stack([r, g, b], 2)
    a[h // 3:h // 2, w // 4:w // 2] = (230, 20, 40)
    return Image.fromarray(a.astype(np.uint8))


def sixteen(w, h):
    y, x = np.mgrid[0:h, 0:w]
    return (x * 65535 // w + y * 37).clip(0, 65535).astype(np.uint16)


def tall_chroma(name):
    """4:4:0 as a camera on its side makes it: a 4:2:2 file with its two factors exchanged."""
    with open(os.path.join(DIR, name), "rb") as f:
        b = bytearray(f.read())
    sof = b.index(b"\xff\xc0")
    assert b[sof + 11] == 0x21
    b[sof + 11] = 0x12
    with open(os.path.join(DIR, "440.jpg"), "wb") as f:
        f.write(b)


os.makedirs(DIR, exist_ok=True)
im = picture(21, 15)
alpha = Image.fromarray((np.arange(21 * 15) % 256).astype(np.uint8).reshape(15, 21))
rgba = im.copy()
rgba.putalpha(alpha)
saves = {
    "420.jpg": (im, dict(quality=90, subsampling="4:2:0")),
    "422.jpg": (im, dict(quality=90, subsampling="4:2:2")),
    "444.jpg": (im, dict(quality=90, subsampling="4:4:4")),
    "422even.jpg": (picture(32, 32), dict(quality=90, subsampling="4:2:2")),
    "narrow.jpg": (picture(4, 9), dict(quality=90, subsampling="4:2:0")),
    "progressive.jpg": (im, dict(quality=90, progressive=True)),
    "grey.jpg": (im.convert("L"), dict(quality=90)),
    "cmyk.jpg": (im.convert("CMYK"), dict(quality=95)),
    "rgb.png": (im, {}),
    "grey.png": (im.convert("L"), {}),
    "palette.png": (im.quantize(16), {}),
    "bit.png": (im.convert("1"), {}),
    "rgba.png": (rgba, {}),
    "greyalpha.png": (rgba.convert("LA"), {}),
    "rgb.bmp": (im, {}),
    "grey.bmp": (im.convert("L"), {}),
    "lossy.webp": (im, dict(quality=90)),
    "lossyalpha.webp": (rgba, dict(quality=90)),
    "lossless.webp": (im, dict(lossless=True)),
    "losslessalpha.webp": (rgba, dict(lossless=True, exact=True)),
}
for name, (picture_, options) in saves.items():
    picture_.save(os.path.join(DIR, name), **options)
tall_chroma("422even.jpg")
Image.fromarray(sixteen(21, 15)).save(os.path.join(DIR, "grey16.png"))

out = []
for name in sorted(os.listdir(DIR)):
    a = np.asarray(Image.open(os.path.join(DIR, name)).convert("RGB"))
    if name == "grey16.png":  # Pillow clips 16-bit grey to white; the high byte is what is meant
        a = np.repeat((sixteen(21, 15) >> 8).astype(np.uint8)[:, :, None], 3, 2)
    out.append(dict(file=name, size=[a.shape[1], a.shape[0]], pix=base64.b64encode(zlib.compress(a.tobytes(), 9)).decode()))
with open(os.path.join(HERE, "decode.json"), "w") as f:
    json.dump(dict(pillow=PIL.__version__, cases=out), f, indent=1)
    f.write("\n")
