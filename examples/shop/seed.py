"""The goods of the shop and the two accounts that every new database has. Deterministic: every instance agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One article. ``price_cents``: euro cents, VAT included."""

    sku: str
    name: str
    category: str
    price_cents: int
    description: str
    id: int = 0


ADMIN = ("admin@shop.example", "admin-demo-password", "admin")
CUSTOMER = ("ada@shop.example", "ada-demo-password", "customer")

_GOODS = {
    "Kitchen": [
        ("Kettle", 3490, "Boils a litre and a half in four minutes."),
        ("Bread knife", 1890, "Serrated steel, 22 cm, beech handle."),
        ("Mixing bowl", 1250, "Stoneware, three litres, goes into the oven."),
        ("Coffee grinder", 5900, "Conical burrs, forty steps, by hand."),
        ("Tea towel", 690, "Half linen, dries without lint."),
        ("Cutting board", 2390, "Oiled oak, reversible, with a groove."),
        ("Frying pan", 4450, "Cast iron, 26 cm, already seasoned."),
        ("Salt mill", 1990, "Ceramic grinder in a glass body."),
    ],
    "Garden": [
        ("Watering can", 2190, "Zinc, nine litres, brass rose."),
        ("Secateurs", 3950, "Bypass blades that can be replaced."),
        ("Seed tray", 790, "Forty cells, recycled plastic, lasts years."),
        ("Hand trowel", 1190, "Forged in one piece, ash handle."),
        ("Garden twine", 450, "Jute, eighty metres, rots after a season."),
        ("Kneeling mat", 1490, "Cork granulate, dry and warm."),
        ("Bird feeder", 2790, "Larch, roof to fill from above."),
        ("Rain gauge", 990, "Glass tube, 40 mm, screw to a post."),
    ],
    "Desk": [
        ("Fountain pen", 4900, "Medium steel nib, converter included."),
        ("Notebook", 1390, "Dotted, 160 pages that lie flat."),
        ("Desk lamp", 7990, "Dims from 10 to 900 lumen, warm white."),
        ("Paper tray", 1690, "A4, folded steel, stackable."),
        ("Pencil sharpener", 590, "Brass, two sizes."),
        ("Ink", 1150, "Blue-black, 50 ml, document proof."),
        ("Ruler", 490, "Steel, 30 cm, cork on the back."),
        ("Letter scale", 2650, "Mechanical, up to 250 g."),
    ],
    "Travel": [
        ("Rucksack", 8990, "Twenty litres, waxed cotton."),
        ("Luggage tag", 790, "Leather, address hidden."),
        ("Water bottle", 2450, "Steel, 0.75 litres, keeps cold for a day."),
        ("Travel plug", 1850, "For 150 countries, two USB sockets."),
        ("Neck pillow", 2990, "Wool filling, washable cover."),
        ("Rain jacket", 11900, "Packs into its own pocket, 280 g."),
        ("Map case", 1590, "Waterproof, for sheets up to A4."),
        ("Head torch", 3290, "Red light, runs 90 hours."),
    ],
}


def slug(product: Product) -> str:
    """Return what names a product in addresses of pages, as migration 0010 computes it: ``kettle-plain-ki-01p``."""
    return f"{re.sub('[^A-Za-z0-9]+', '-', product.name)}-{product.sku}".lower()


def products() -> list[Product]:
    """Return the first catalogue: each article in two finishes, 64 in all."""
    return [
        Product(f"{category[:2].upper()}-{number:02d}{finish[0]}", f"{name}, {finish}", category, price + extra, text)
        for category, goods in _GOODS.items()
        for number, (name, price, text) in enumerate(goods, start=1)
        for finish, extra in (("plain", 0), ("lacquered", 350))
    ]
