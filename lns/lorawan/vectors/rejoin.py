#!/usr/bin/env python3
"""Prints rejoin.jsonl: what frame-vectors.jsonl has no rows for.

Join-Accepts that answer Rejoin-Requests, the Rejoin-Requests before them, the keys that follow, and
1.1 frames in both ways of encrypting FOpts, with and without ACK. Written after the standard with
AES and CMAC of the `cryptography` package (PyPI, 48.0), and with nothing of this repository.
"""
import json

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC


def aes(key, data, decrypt=False):
    cipher = Cipher(algorithms.AES(key), modes.ECB())
    unit = cipher.decryptor() if decrypt else cipher.encryptor()
    return unit.update(data) + unit.finalize()


def cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def pad16(data):
    return data + bytes(16 - len(data))


def le(number, size):
    return number.to_bytes(size, "little")


NWK_KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
APP_KEY = bytes.fromhex("f0e1d2c3b4a5968778695a4b3c2d1e0f")
DEV_EUI, JOIN_EUI, NET_ID = 0x70B3D57ED0000042, 0x0011223344556677, 0x000013
JS_ENC_KEY = aes(NWK_KEY, pad16(b"\x05" + le(DEV_EUI, 8)))
JS_INT_KEY = aes(NWK_KEY, pad16(b"\x06" + le(DEV_EUI, 8)))
ROOT = {"app_key": APP_KEY.hex(), "nwk_key": NWK_KEY.hex()}
number = 0


def show(kind, keys, ctx, phy, fields):
    global number
    number += 1
    row = {"source": "rejoin.py", "kind": kind, "version": "1.1", "keys": keys, "ctx": ctx,
           "phy_hex": phy.hex(), "fields": fields, "id": 1000 + number}
    print(json.dumps(row))


def session(join_nonce, nonce):
    def derive(root, kind):
        return aes(root, pad16(bytes([kind]) + le(join_nonce, 3) + le(JOIN_EUI, 8) + le(nonce, 2)))
    return {"f_nwk_s_int_key": derive(NWK_KEY, 1), "app_s_key": derive(APP_KEY, 2),
            "s_nwk_s_int_key": derive(NWK_KEY, 3), "nwk_s_enc_key": derive(NWK_KEY, 4)}


def texts(keys):
    return {name: key.hex() for name, key in keys.items()}


def accept(join_req_type, join_nonce, nonce, cf_list=None):
    dev_addr, offset, rx2, delay = 0x26001A2B + join_nonce, 1, 3, 5
    body = le(join_nonce, 3) + le(NET_ID, 3) + le(dev_addr, 4)
    body += bytes([0x80 | offset << 4 | rx2, delay])
    if cf_list:
        body += b"".join(le(hertz // 100, 3) for hertz in cf_list) + b"\x00"
    signed = bytes([join_req_type]) + le(JOIN_EUI, 8) + le(nonce, 2) + b"\x20" + body
    mic = cmac(JS_INT_KEY, signed)[:4]
    key = NWK_KEY if join_req_type == 255 else JS_ENC_KEY
    fields = {"join_nonce": join_nonce, "net_id": f"{NET_ID:06x}", "dev_addr": f"{dev_addr:08x}",
              "opt_neg": True, "rx1_dr_offset": offset, "rx2_dr": rx2, "rx_delay": delay}
    if cf_list:
        fields |= {"cflist_type": 0, "cflist_freqs": cf_list}
    fields |= texts(session(join_nonce, nonce))
    ctx = {"join_req_type": join_req_type, "dev_nonce": nonce, "join_eui": f"{JOIN_EUI:016x}",
           "dev_eui": f"{DEV_EUI:016x}"}
    show("join-accept", ROOT, ctx, b"\x20" + aes(key, body + mic, decrypt=True), fields)


def rejoin(kind, count, keys):
    middle = le(JOIN_EUI, 8) if kind == 1 else le(NET_ID, 3)
    frame = b"\xc0" + bytes([kind]) + middle + le(DEV_EUI, 8) + le(count, 2)
    key = JS_INT_KEY if kind == 1 else keys["s_nwk_s_int_key"]
    fields = {"rejoin_type": kind, "dev_eui": f"{DEV_EUI:016x}", "rj_count": count}
    fields |= {"join_eui": f"{JOIN_EUI:016x}"} if kind == 1 else {"net_id": f"{NET_ID:06x}"}
    known = {"s_nwk_s_int_key": keys["s_nwk_s_int_key"].hex(), "js_int_key": JS_INT_KEY.hex()}
    show("rejoin-request", known, {}, frame + cmac(key, frame)[:4], fields)


def data(up, f_cnt, f_opts, f_port, payload, first_text=False, conf=None, dr=5, ch=2):
    keys, dev_addr = session(7, 9), 0x26001A2B
    direction = 0 if up else 1
    who = bytes([direction]) + le(dev_addr, 4) + le(f_cnt, 4)
    usage, last = (1, 1) if up or f_port in (None, 0) else (2, 1)
    usage, last = (0, 0) if first_text else (usage, last)
    stream = aes(keys["nwk_s_enc_key"], b"\x01\x00\x00\x00" + bytes([usage]) + who + bytes([0, last]))
    sealed = bytes(a ^ b for a, b in zip(f_opts, stream))
    f_ctrl = (0x20 if conf is not None else 0) | len(f_opts)
    message = bytes([0x40 if up else 0x60]) + le(dev_addr, 4) + bytes([f_ctrl]) + le(f_cnt & 0xFFFF, 2) + sealed
    if f_port is not None:
        key = keys["nwk_s_enc_key"] if f_port == 0 else keys["app_s_key"]
        message += bytes([f_port])
        for at in range(0, len(payload), 16):
            block = aes(key, b"\x01\x00\x00\x00\x00" + who + bytes([0, at // 16 + 1]))
            message += bytes(a ^ b for a, b in zip(payload[at:at + 16], block))
    conf_f_cnt = le((conf or 0) & 0xFFFF, 2)
    tail = who + bytes([0, len(message)])
    if up:
        s = cmac(keys["s_nwk_s_int_key"], b"\x49" + conf_f_cnt + bytes([dr, ch]) + tail + message)
        f = cmac(keys["f_nwk_s_int_key"], b"\x49\x00\x00\x00\x00" + tail + message)
        mic = s[:2] + f[:2]
    else:
        mic = cmac(keys["s_nwk_s_int_key"], b"\x49" + conf_f_cnt + b"\x00\x00" + tail + message)[:4]
    ctx = {"fcnt32": f_cnt, "conf_fcnt": conf or 0, "tx_dr": dr, "tx_ch": ch}
    if first_text:
        ctx["f_opts_text"] = "first"
    fields = {"mtype": 2 if up else 3, "dev_addr": f"{dev_addr:08x}", "ack": conf is not None,
              "fopts_plain": f_opts.hex(), "fport": -1 if f_port is None else f_port,
              "frm_plain": payload.hex()}
    show("data-up" if up else "data-down", texts(keys), ctx, message + mic, fields)


CF_LIST = [867100000, 867300000, 867500000, 867700000, 867900000]
for kind in (255, 0, 1, 2):
    accept(kind, join_nonce=10 + kind, nonce=0x0102 + kind)
    accept(kind, join_nonce=0x0A0B00 + kind, nonce=kind, cf_list=CF_LIST)
for kind in (0, 1, 2):
    for count in (0, 0x1234):
        rejoin(kind, count, session(7, 9))
for first_text in (False, True):
    data(True, 0x00010002, b"\x0b\x01", 10, b"hello", first_text)
    data(True, 3, b"\x02\x0d", None, b"", first_text, conf=0x0001FFFE)
    data(False, 4, b"\x0b\x01", None, b"", first_text, conf=0x00020003)
    data(False, 4, b"\x0b\x01", 10, b"an application's", first_text, conf=3)
    data(False, 5, b"", 0, b"\x0b\x01\x06", first_text)
