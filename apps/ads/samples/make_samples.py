#!/usr/bin/env python3
"""Writes bid_requests.jsonl: sample OpenRTB 2.6 bid requests, one per line, for trying out and testing the ads app.

Publishers, apps, bidders, deals and users are invented: domains end in .example, addresses come from the ranges
reserved for documentation, consent strings only look like consent strings. The same seed gives the same file, byte
for byte: of the standard library's generator only random() is used, which every Python version draws alike.

    python3 make_samples.py            # writes bid_requests.jsonl beside this file
    python3 make_samples.py --check    # exits with 1 if the file differs from what would be written
"""

import argparse
import json
import pathlib
import random
import string
import sys

SEED = 20260601
REQUESTS = 240
APP_SHARE = 0.36
HOME_SHARE = 0.6
IMPS_MAX = 4
OUTPUT = pathlib.Path(__file__).with_name("bid_requests.jsonl")

BANNER_TOP = {"kind": "banner", "sizes": [(970, 250), (728, 90)]}
BANNER_SIDE = {"kind": "banner", "sizes": [(300, 600), (300, 250)]}
BANNER_BODY = {"kind": "banner", "sizes": [(300, 250), (336, 280)]}
BANNER_MOBILE = {"kind": "banner", "sizes": [(320, 100), (320, 50)]}
VIDEO_PREROLL = {"kind": "video", "size": (640, 360), "plcmt": 1, "startdelay": 0, "maxduration": 30}
VIDEO_OUTSTREAM = {"kind": "video", "size": (400, 225), "plcmt": 4, "startdelay": 0, "maxduration": 20}
VIDEO_MIDROLL = {"kind": "video", "size": (1280, 720), "plcmt": 1, "startdelay": -1, "maxduration": 60}
NATIVE_FEED = {"kind": "native"}
AUDIO_PREROLL = {"kind": "audio", "startdelay": 0, "maxduration": 30}
AUDIO_MIDROLL = {"kind": "audio", "startdelay": -1, "maxduration": 60}
INTERSTITIAL = {"kind": "banner", "sizes": [(320, 480)], "instl": 1}
INTERSTITIAL_VIDEO = {"kind": "video", "size": (360, 640), "plcmt": 3, "startdelay": 0, "maxduration": 30, "instl": 1}
REWARDED = {"kind": "video", "size": (360, 640), "plcmt": 3, "startdelay": 0, "maxduration": 45, "instl": 1, "rwdd": 1}

# (name, country most visitors are from, share of the traffic, what identifies it, IAB categories, slots).
# A slot: (tag, what, floor or None, currency or None for the default, chance of a deal). About 40 slots, so that each
# comes again and gathers data points.
SITES = [
    ("El Diario del Ebro", "ESP", 20, "diariodelebro.example", ["IAB12"], [
        ("portada-top", BANNER_TOP, 1.80, "EUR", 0.25),
        ("portada-lateral", BANNER_SIDE, 1.20, "EUR", 0.10),
        ("noticia-cuerpo", BANNER_BODY, 0.90, "EUR", 0.0),
        ("noticia-video", VIDEO_OUTSTREAM, 4.50, "EUR", 0.20),
        ("noticia-recomendados", NATIVE_FEED, 0.60, "EUR", 0.0),
    ]),
    ("Gazeta do Miño", "ESP", 8, "gazetadomino.example", ["IAB12"], [
        ("cabeceira", BANNER_TOP, 1.10, "EUR", 0.0),
        ("lateral", BANNER_SIDE, None, None, 0.0),
        ("corpo", BANNER_BODY, 0.55, "EUR", 0.0),
    ]),
    ("Cancha Total", "ESP", 16, "canchatotal.example", ["IAB17", "IAB17-44"], [
        ("marcador-top", BANNER_TOP, 2.10, "USD", 0.15),
        ("cronica-preroll", VIDEO_PREROLL, 9.00, "USD", 0.35),
        ("cronica-cuerpo", BANNER_BODY, 1.00, "USD", 0.0),
        ("movil-pie", BANNER_MOBILE, 0.70, None, 0.0),
    ]),
    ("Cocina de Lola", "ESP", 9, "cocinadelola.example", ["IAB8", "IAB8-9"], [
        ("receta-cuerpo", BANNER_BODY, 0.65, "EUR", 0.0),
        ("receta-nativo", NATIVE_FEED, 0.50, "EUR", 0.0),
        ("receta-video", VIDEO_OUTSTREAM, 3.20, "EUR", 0.10),
    ]),
    ("Le Courrier des Alpes", "FRA", 8, "courrierdesalpes.example", ["IAB12", "IAB20"], [
        ("une-haut", BANNER_TOP, 1.90, "EUR", 0.20),
        ("article-milieu", BANNER_BODY, 1.05, "EUR", 0.0),
        ("article-natif", NATIVE_FEED, 0.75, "EUR", 0.0),
    ]),
    ("Isar Technik", "DEU", 7, "isartechnik.example", ["IAB19"], [
        ("start-oben", BANNER_TOP, 2.60, "EUR", 0.20),
        ("test-seite", BANNER_SIDE, 1.70, "EUR", 0.0),
        ("test-video", VIDEO_PREROLL, 11.00, "EUR", 0.30),
    ]),
    ("Motori e Strade", "ITA", 6, "motoriestrade.example", ["IAB2"], [
        ("home-testata", BANNER_TOP, 1.60, "EUR", 0.10),
        ("prova-corpo", BANNER_BODY, 0.95, "EUR", 0.0),
    ]),
    ("Foros del Sur", "ESP", 5, "forosdelsur.example", ["IAB14"], [
        ("hilo-lateral", BANNER_SIDE, None, None, 0.0),
        ("hilo-pie", BANNER_BODY, 0.0, "USD", 0.0),
    ]),
]
APPS = [
    ("Tiempo Cierzo", "ESP", 12, ("com.cierzo.tiempo", "1560000001"), ["IAB15-10"], [
        ("hoy-banner", BANNER_MOBILE, 0.45, "USD", 0.0),
        ("semana-intersticial", INTERSTITIAL, 2.40, "USD", 0.0),
        ("mapa-nativo", NATIVE_FEED, 0.55, "USD", 0.0),
    ]),
    ("Parchís de la Plaza", "ESP", 12, ("com.plazajuegos.parchis", "1560000002"), ["IAB9-30"], [
        ("partida-banner", BANNER_MOBILE, 0.35, None, 0.0),
        ("entre-partidas", INTERSTITIAL_VIDEO, 6.50, "USD", 0.05),
        ("moneda-extra", REWARDED, 12.00, "USD", 0.10),
    ]),
    ("Radio Vencejo FM", "ESP", 9, ("com.radiovencejo.player", "1560000003"), ["IAB1-6"], [
        ("directo-preroll", AUDIO_PREROLL, 5.00, "EUR", 0.15),
        ("podcast-midroll", AUDIO_MIDROLL, 7.50, "EUR", 0.15),
        ("reproductor-banner", BANNER_MOBILE, 0.60, "EUR", 0.0),
    ]),
    ("Tele Marea", "ESP", 6, ("com.telemarea.tv", "1560000004"), ["IAB1-7"], [
        ("directo-preroll", VIDEO_PREROLL, 14.00, "EUR", 0.40),
        ("serie-midroll", VIDEO_MIDROLL, 16.00, "EUR", 0.40),
    ]),
    ("Linha Verde Comboios", "PRT", 5, ("pt.linhaverde.comboios", "1560000005"), ["IAB20-18"], [
        ("horarios-banner", BANNER_MOBILE, 0.40, "EUR", 0.0),
        ("bilhete-intersticial", INTERSTITIAL, None, None, 0.0),
    ]),
]

# (share, alpha-3, language, UTC offset in summer, cities as (name, ISO 3166-2 part, postcode, latitude, longitude))
COUNTRIES = [
    (44, "ESP", "es", 120, [("Madrid", "MD", "28013", 40.42, -3.70), ("Zaragoza", "AR", "50001", 41.65, -0.88),
                            ("Sevilla", "AN", "41001", 37.39, -5.99), ("Vigo", "GA", "36201", 42.24, -8.72)]),
    (9, "FRA", "fr", 120, [("Lyon", "ARA", "69002", 45.76, 4.84), ("Paris", "IDF", "75010", 48.87, 2.36)]),
    (9, "DEU", "de", 120, [("München", "BY", "80331", 48.14, 11.57), ("Köln", "NW", "50667", 50.94, 6.96)]),
    (7, "ITA", "it", 120, [("Torino", "21", "10121", 45.07, 7.69), ("Bari", "75", "70121", 41.13, 16.87)]),
    (6, "GBR", "en", 60, [("Leeds", "ENG", "LS1", 53.80, -1.55)]),
    (6, "PRT", "pt", 60, [("Porto", "13", "4000", 41.15, -8.61), ("Lisboa", "11", "1100", 38.72, -9.14)]),
    (4, "USA", "en", -240, [("Miami", "FL", "33130", 25.76, -80.19), ("Boston", "MA", "02108", 42.36, -71.06)]),
    (3, "NLD", "nl", 120, [("Utrecht", "UT", "3511", 52.09, 5.12)]),
    (3, "CHE", "fr", 120, [("Genève", "GE", "1204", 46.20, 6.15)]),
    (3, "MEX", "es", -360, [("Puebla", "PUE", "72000", 19.04, -98.20)]),
    (3, "ARG", "es", -180, [("Rosario", "S", "2000", -32.95, -60.64)]),
    (2, "POL", "pl", 120, [("Kraków", "MA", "31-001", 50.06, 19.94)]),
]
OUTSIDE_GDPR = ("CHE", "USA", "MEX", "ARG")

ANDROID_WEB = ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 "
               "(KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36")
ANDROID_TABLET_WEB = ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 "
                      "(KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36")
ANDROID_APP = ("Mozilla/5.0 (Linux; Android {osv}; {model} Build/AP2A.240805.005; wv) AppleWebKit/537.36 "
               "(KHTML, like Gecko) Version/4.0 Chrome/{v}.0.0.0 Mobile Safari/537.36")
ANDROID_TABLET_APP = ANDROID_APP.replace(" Mobile", "")
IPHONE_WEB = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
              "Version/17.5 Mobile/15E148 Safari/604.1")
IPHONE_APP = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
              "Mobile/15E148")
IPAD_APP = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
WINDOWS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
           "(KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36")
WINDOWS_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"
MAC = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
       "Version/17.5 Safari/605.1.15")
TV = ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV "
      "Safari/537.36")

# (share on sites, share in apps, type, make, model, system, its version, width, height, user agent)
DEVICES = [
    (24, 0, 4, "Samsung", "SM-A546B", "Android", "14", 1080, 2340, ANDROID_WEB),
    (10, 0, 4, "Xiaomi", "23021RAA2Y", "Android", "13", 1080, 2400, ANDROID_WEB),
    (18, 0, 4, "Apple", "iPhone15,4", "iOS", "17.5", 1179, 2556, IPHONE_WEB),
    (3, 0, 5, "Samsung", "SM-X200", "Android", "13", 1200, 1920, ANDROID_TABLET_WEB),
    (24, 0, 2, None, None, "Windows", "10", 1920, 1080, WINDOWS),
    (6, 0, 2, None, None, "Windows", "10", 1920, 1080, WINDOWS_FIREFOX),
    (10, 0, 2, "Apple", "Macintosh", "macOS", "14.5", 1728, 1117, MAC),
    (0, 38, 4, "Samsung", "SM-A546B", "Android", "14", 1080, 2340, ANDROID_APP),
    (0, 14, 4, "Xiaomi", "23021RAA2Y", "Android", "13", 1080, 2400, ANDROID_APP),
    (0, 30, 4, "Apple", "iPhone15,4", "iOS", "17.5", 1179, 2556, IPHONE_APP),
    (0, 6, 5, "Apple", "iPad13,18", "iOS", "17.5", 1640, 2360, IPAD_APP),
    (0, 6, 5, "Samsung", "SM-X200", "Android", "13", 1200, 1920, ANDROID_TABLET_APP),
]
DEVICE_TV = (0, 0, 3, "Samsung", "QE55Q60", "Tizen", "7.0", 1920, 1080, TV)

BIDDERS = ["alcotan", "bidmistral", "cierzoads", "durobid", "estornino"]
BASE64URL = string.ascii_letters + string.digits + "-_"

rng = random.Random(SEED)


def below(limit):
    return int(rng.random() * limit)


def chance(probability):
    return rng.random() < probability


def pick(items):
    return items[below(len(items))]


def pick_weighted(items, weight):
    left = rng.random() * sum(weight(item) for item in items)
    for item in items:
        left -= weight(item)
        if left < 0:
            return item
    return items[-1]


def hex_id(digits):
    return "".join(pick("0123456789abcdef") for _ in range(digits))


def uuid():
    return "-".join([hex_id(8), hex_id(4), "4" + hex_id(3), pick("89ab") + hex_id(3), hex_id(12)])


def consent():
    """Shaped like a TCF 2.2 string; states no consent of anybody."""
    return "CQ" + "".join(pick(BASE64URL) for _ in range(38)) + "." + "".join(pick(BASE64URL) for _ in range(10))


def around(value, spread=0.25):
    return round(value * (1 - spread + 2 * spread * rng.random()), 2)


def formats(slot):
    what = slot[1]
    if what["kind"] == "banner":
        sizes = what["sizes"]
        banner = {"w": sizes[0][0], "h": sizes[0][1], "format": [{"w": w, "h": h} for w, h in sizes],
                  "pos": pick([1, 1, 3, 0]), "api": [5, 6, 7]}
        # Some senders give the sizes only as a list.
        if chance(0.3):
            del banner["w"], banner["h"]
        return {"banner": banner}
    if what["kind"] == "video":
        w, h = what["size"]
        return {"video": {"mimes": ["video/mp4", "video/webm"], "minduration": 5, "maxduration": what["maxduration"],
                          "protocols": [2, 3, 5, 6, 7, 8], "w": w, "h": h, "startdelay": what["startdelay"],
                          "plcmt": what["plcmt"], "linearity": 1, "skip": pick([0, 1]),
                          "playbackmethod": [pick([1, 2, 6])], "api": [2, 7]}}
    if what["kind"] == "audio":
        return {"audio": {"mimes": ["audio/mpeg", "audio/mp4"], "minduration": 10, "maxduration": what["maxduration"],
                          "protocols": [9, 10], "startdelay": what["startdelay"], "feed": pick([1, 3]), "stitched": 1}}
    assets = [{"id": 1, "required": 1, "title": {"len": 90}},
              {"id": 2, "required": 1, "img": {"type": 3, "wmin": 300, "hmin": 157}},
              {"id": 3, "data": {"type": 1, "len": 25}}]
    native = {"ver": "1.2", "context": 1, "plcmttype": 1, "plcmtcnt": 1, "assets": assets}
    return {"native": {"request": json.dumps(native, separators=(",", ":")), "ver": "1.2"}}


def imp(number, owner, slot):
    tag, what, floor, currency, deal_chance = slot
    path = f"/{owner.split('.')[-2] if owner.endswith('.example') else owner}/{tag}"
    made = {"id": str(number), **formats(slot)}
    # Most name the slot with tagid; some leave that to the global placement id.
    if not tag.endswith("nativo") or chance(0.5):
        made["tagid"] = path
    if what.get("instl"):
        made["instl"] = 1
    if what.get("rwdd"):
        made["rwdd"] = 1
    if floor is not None:
        made["bidfloor"] = around(floor)
        if currency:
            made["bidfloorcur"] = currency
    if chance(deal_chance):
        deal = {"id": f"VNC-{tag[:4].upper()}-{1000 + below(20)}", "bidfloor": around((floor or 1) * 1.6),
                "bidfloorcur": pick(["EUR", "USD"]), "at": pick([1, 3]), "wseat": [f"seat-{1 + below(6)}"]}
        made["pmp"] = {"private_auction": int(chance(0.3)), "deals": [deal]}
    made["secure"] = 1
    made["exp"] = 300
    first = below(len(BIDDERS))
    bidders = [BIDDERS[(first + step) % len(BIDDERS)] for step in range(1 + below(2))]
    ext = {"prebid": {"bidder": {name: {"placementId": 700000 + below(90000)} for name in bidders}}, "gpid": path}
    if chance(0.4):
        ext["historical_ctr"] = round(0.001 + 0.03 * rng.random() * rng.random(), 4)
    if tag.startswith("hilo"):
        ext["inventory_type"] = "remnant"
    made["ext"] = ext
    return made


def geo(country, city):
    _, alpha3, _, offset, _ = country
    name, region, postcode, lat, lon = city
    made = {"type": 2, "lat": round(lat + 0.04 * (rng.random() - 0.5), 2),
            "lon": round(lon + 0.04 * (rng.random() - 0.5), 2), "country": alpha3, "region": region, "city": name,
            "zip": postcode}
    if chance(0.8):
        made["utcoffset"] = offset
    return made


def device(chosen, country, is_app):
    _, _, kind, make, model, system, version, width, height, agent = chosen
    chrome = 124 + below(4)
    made = {"ua": agent.format(v=chrome, osv=version, model=model), "geo": geo(country, pick(country[4])),
            "dnt": 0, "lmt": int(is_app and chance(0.25)), "devicetype": kind, "os": system, "osv": version,
            "w": width, "h": height, "js": 1, "language": country[2]}
    # Addresses of the ranges for documentation, the last part cut off as consent demands.
    if chance(0.85):
        made["ip"] = pick(["192.0.2.0", "198.51.100.0", "203.0.113.0"])
    else:
        made["ipv6"] = f"2001:db8:{hex_id(4)}::"
    if make:
        made["make"], made["model"] = make, model
    made["connectiontype"] = 2 if kind in (2, 3) else pick([2, 2, 6, 7])
    if is_app and not made["lmt"]:
        made["ifa"] = uuid()
    if agent in (ANDROID_WEB, WINDOWS):
        made["sua"] = {"browsers": [{"brand": "Chromium", "version": [str(chrome)]}],
                       "platform": {"brand": system, "version": [version]}, "mobile": int(kind == 4), "source": 2}
    if chance(0.5):
        made["ext"] = {"performance_score": round((40 if kind == 4 else 70) + 60 * rng.random(), 1)}
    return made


def language_of(alpha3):
    return next(entry[2] for entry in COUNTRIES if entry[1] == alpha3)


def owner(name, home, identity, categories, is_app, system):
    number = 1 + [entry[0] for entry in SITES + APPS].index(name)
    publisher = {"id": f"pub-{100 + number}", "name": name}
    if not is_app:
        section = pick(["", "actualidad/", "deportes/", "cultura/"])
        return {"id": f"site-{number}", "name": name, "domain": identity, "cat": categories, "cattax": 1,
                "page": f"https://www.{identity}/{section}{hex_id(8)}", "publisher": {**publisher, "domain": identity},
                "content": {"language": language_of(home)}, "mobile": 1, "privacypolicy": 1}
    android, apple = identity
    bundle = apple if system == "iOS" else android
    store = f"https://store.example/app/{bundle}"
    return {"id": f"app-{number}", "name": name, "bundle": bundle, "domain": f"{android.split('.')[1]}.example",
            "storeurl": store, "cat": categories, "cattax": 1, "ver": f"{1 + below(4)}.{below(10)}.{below(10)}",
            "publisher": publisher, "privacypolicy": 1, "paid": 0}


def user(country, gdpr):
    made = {"id": hex_id(24)}
    if gdpr:
        made["consent"] = consent()
    if chance(0.3):
        made["eids"] = [{"source": "id.vencejo.example", "uids": [{"id": uuid(), "atype": 1}]}]
    if chance(0.15):
        made["geo"] = {"country": country[1]}
    if chance(0.6):
        made["ext"] = {"engagement_score": round(rng.random() ** 0.7, 3)}
    return made


def request(number):
    is_app = chance(APP_SHARE)
    name, home, _, identity, categories, slots = pick_weighted(APPS if is_app else SITES, lambda entry: entry[2])
    abroad = pick_weighted(COUNTRIES, lambda entry: entry[0])
    country = next(entry for entry in COUNTRIES if entry[1] == home) if chance(HOME_SHARE) else abroad
    is_tv = name == "Tele Marea" and chance(0.5)
    chosen = DEVICE_TV if is_tv else pick_weighted(DEVICES, lambda entry: entry[1 if is_app else 0])
    # The first slots of a page are seen most often; the rest follow in their order.
    count = min(1 + below(IMPS_MAX), len(slots))
    start = below(len(slots)) if chance(0.5) else 0
    wanted = sorted((start + step) % len(slots) for step in range(count))
    key = identity[0] if is_app else identity
    gdpr = country[1] not in OUTSIDE_GDPR
    made = {"id": f"{number:04d}-{hex_id(16)}",
            "imp": [imp(place + 1, key, slots[index]) for place, index in enumerate(wanted)],
            "app" if is_app else "site": owner(name, home, identity, categories, is_app, chosen[5]),
            "device": device(chosen, country, is_app), "user": user(country, gdpr),
            "at": pick([1, 1, 1, 2]), "tmax": pick([120, 200, 300]), "cur": pick([["EUR"], ["USD"], ["EUR", "USD"]]),
            "bcat": ["IAB25", "IAB26"], "badv": ["apuestas.example"],
            "regs": {"coppa": 0, "gdpr": int(gdpr)}}
    if country[1] == "USA":
        made["regs"]["us_privacy"] = "1YNN"
    source = {"fd": 1, "tid": uuid()}
    if chance(0.6):
        nodes = [{"asi": "vencejo-ssp.example", "sid": f"{100 + below(20)}", "hp": 1, "rid": made["id"]}]
        if chance(0.3):
            nodes.append({"asi": "reventa.example", "sid": f"r-{below(50)}", "hp": 1})
        source["schain"] = {"ver": "1.0", "complete": 1, "nodes": nodes}
    made["source"] = source
    return made


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    options = arguments.parse_args()
    lines = [json.dumps(request(number + 1), ensure_ascii=False, separators=(",", ":")) for number in range(REQUESTS)]
    text = "\n".join(lines) + "\n"
    if options.check:
        is_same = OUTPUT.read_bytes() == text.encode()
        print(f"{OUTPUT.name}: {'as made by this script' if is_same else 'differs, run make_samples.py'}")
        return 0 if is_same else 1
    OUTPUT.write_bytes(text.encode())
    print(f"{OUTPUT.name}: {REQUESTS} requests, {len(text.encode()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
