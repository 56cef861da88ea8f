"""The sites, merchants and currencies of the sample."""

from dataclasses import dataclass

# Digits after the decimal point, by ISO 4217.
MINOR_DIGITS = {"KRW": 0, "JPY": 0, "EUR": 2, "USD": 2}


@dataclass(frozen=True)
class SampleMerchant:
    merchant_id: str
    name: str


@dataclass(frozen=True)
class SampleSite:
    """A site with its merchants, most popular first; `typical_minor` is a usual amount in minor units."""

    site_id: str
    name: str
    time_zone: str
    offset_hours: int
    currency: str
    typical_minor: int
    wallet_prefix: str
    wallets: int
    merchants: tuple[SampleMerchant, ...]


def _merchants(prefix: str, *names: str) -> tuple[SampleMerchant, ...]:
    return tuple(SampleMerchant(f"mer-{prefix}-{i:03}", name) for i, name in enumerate(names, start=1))


SITES: tuple[SampleSite, ...] = (
    SampleSite(
        "KR-SEOUL", "Seoul desk", "Asia/Seoul", 9, "KRW", 18_000, "wal-kr", 6_000,
        _merchants("kr", "한강 커피", "서울 문고", "남산 자전거", "Dongdaemun Fabrics", "제주 감귤 농원",
                   "인사동 찻집", "Gangnam Electronics", "부산 어묵", "북촌 한복", "한빛 약국"),
    ),
    SampleSite(
        "JP-TOKYO", "Tokyo desk", "Asia/Tokyo", 9, "JPY", 2_400, "wal-jp", 5_000,
        _merchants("jp", "山の手書店", "すみだ珈琲", "Shibuya Records", "京橋文具", "つくば電機",
                   "さくら花店", "浅草せんべい本舗", "Nakameguro Bikes"),
    ),
    SampleSite(
        "EU-PARIS", "Paris desk", "Europe/Paris", 0, "EUR", 3_490, "wal-eu", 7_000,
        _merchants("eu", "Boulangerie Élise", "Librairie du Pont", "Bäckerei Müller & Söhne", "Café Óscar",
                   "Zürich Uhren AG", "Ελληνική Αγορά", "Księgarnia Łódź", "O'Brien's Outdoor",
                   "Mercado \"La Ría\"", "مكتبة باريس", "Tienda Ñandú", "Smörgås Delikatesser"),
    ),
)  # fmt: skip
