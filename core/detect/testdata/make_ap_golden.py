#!/usr/bin/env python3
"""Write ap.json: average precision by pycocotools of random truth and detections.

    pip install pycocotools
    python3 make_ap_golden.py

Edges are multiples of 1/8 and scores of 1/64, so that single precision holds them and scores tie often.
"""
import contextlib, io, json, os
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = os.path.dirname(os.path.abspath(__file__))
EIGHTH = 1 / 8


def box(rng, size=200):
    x, y = rng.integers(0, size - 20, 2)
    w, h = rng.integers(3, 80, 2)
    return [float(x), float(y), float(x + w), float(y + h)]


def moved(rng, b, most):
    d = rng.integers(-most * 8, most * 8 + 1, 4) * EIGHTH
    m = [float(v + e) for v, e in zip(b, d)]
    return m if m[2] > m[0] and m[3] > m[1] else b


def score(rng):
    return int(rng.integers(1, 64)) / 64


def scene(seed, images, classes, objects, with_truth, with_found, crowded=False):
    """Boxes are [class, xmin, ymin, xmax, ymax], detections have the score behind it."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        t, f = [], []
        for _ in range(int(rng.integers(0, objects + 1))):
            c, b = int(rng.integers(classes)), box(rng)
            if c in with_truth:
                t.append([c] + b)
                if rng.random() < 0.1:  # twice the same: the later one is matched first
                    t.append([c] + b)
            for _ in range(int(rng.integers(0, 3))):
                other = c if rng.random() < 0.9 else int(rng.integers(classes))
                if other in with_found:
                    f.append([other] + moved(rng, b, int(rng.choice([0, 1, 4, 12]))) + [score(rng)])
        for _ in range(130 if crowded else int(rng.integers(0, 4))):
            c = int(rng.integers(classes))
            if c in with_found:
                f.append([c] + box(rng) + [score(rng)])
        truth.append(t)
        found.append(f)
    return dict(classes=classes, truth=truth, found=found)


def judge(s):
    images = [dict(id=i + 1, width=400, height=400) for i in range(len(s["truth"]))]
    anns, dets = [], []
    for i, (t, f) in enumerate(zip(s["truth"], s["found"])):
        for c, x0, y0, x1, y1 in t:
            anns.append(dict(id=len(anns) + 1, image_id=i + 1, category_id=c, bbox=[x0, y0, x1 - x0, y1 - y0],
                             area=(x1 - x0) * (y1 - y0), iscrowd=0))
        for c, x0, y0, x1, y1, p in f:
            dets.append(dict(image_id=i + 1, category_id=c, bbox=[x0, y0, x1 - x0, y1 - y0], score=p))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = dict(info={}, images=images, annotations=anns,
                            categories=[dict(id=c, name=str(c)) for c in range(s["classes"])])
        coco.createIndex()
        e = COCOeval(coco, coco.loadRes(dets), "bbox")
        e.evaluate()
        e.accumulate()
        e.summarize()
    p = e.eval["precision"][:, :, :, 0, 2]  # T R K, all areas, 100 detections
    mean = lambda v: float(np.mean(v[v > -1])) if (v > -1).any() else -1.0
    s["map"], s["map50"] = float(e.stats[0]), float(e.stats[1])
    s["ap"] = [mean(p[:, :, c]) for c in range(s["classes"])]
    s["ap50"] = [mean(p[0, :, c]) for c in range(s["classes"])]
    return s


SCENES = [
    scene(1, 40, 3, 5, {0, 1, 2}, {0, 1, 2}),
    scene(2, 25, 4, 6, {0, 1, 3}, {0, 2, 3}),   # 2 has no truth, 1 no detection
    scene(3, 6, 1, 4, {0}, {0}, crowded=True),  # more than 100 detections of a class in a picture
    scene(4, 3, 2, 3, set(), {0, 1}),           # no truth at all
]
with open(os.path.join(HERE, "ap.json"), "w") as f:
    json.dump([judge(s) for s in SCENES], f, separators=(",", ":"))
