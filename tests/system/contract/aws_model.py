"""Every constraint that AWS's models put on a request, against the HTTP API.

    python3 aws_model.py http://127.0.0.1:8080

Each operation of iotwireless, iot and iot-data is called with all that it may be given (the lists
of aws_model_requests.py), and then once for each thing that the model forbids: a member that is
missing, unknown, of another type, too long, too short, too large, too small, no word or no token of
its kind. Each must be refused with an exception that the model has for the operation. Operations
without a request here must be refused as unknown, and stand in docs/NOT_SERVED.md. Made for a
server of its own: it leaves much behind. Needs: pip install boto3; openssl
"""

import copy
import json
import os
import re
import sys

import boto3
import botocore
from aws_clients import ENVIRONMENT, called, known_to_python
from aws_model_requests import Requests
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

SERVICES = ("iotwireless", "iot", "iot-data")
TOKENS = ("NextToken", "nextToken", "marker")
GONE = object()
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/NOT_SERVED.md")

# The botocore whose operations the page lists. Younger ones may know more, and AWS adds some every
# month: those need not stand there, and must be refused all the same.
LISTED_UP_TO = (1, 44)

# Operations that need somebody who has a token, or is connected: asked for in the other scripts.
ELSEWHERE = {"ConfirmTopicRuleDestination", "DeleteConnection", "GetConnection",
             "ListSubscriptions", "SendDirectMessage"}

# What is taken though the model forbids it, and why: operation, member and how it is wrong, as
# patterns.
TAKEN = [
    # Nobody has roles here.
    (".*", r".*[rR]oleArn missing"),
    # A filter, or a name to forget, that nothing has: the answer is that there is nothing.
    (r"List.*", r"(\w+Name|\w+Id|attribute\w+|namePrefixFilter) (over|under|empty|pattern).*"),
    (r"(Delete|Detach)\w+", r"(thing|thingGroup|policy)Name (over|pattern).*"),
    (r"GetEffectivePolicies", r"thingName .*"),
    (r"Untag.*", r"(TagKeys|tagKeys)\.0 .*"),
    # 0 is as good as no size.
    (r".*", r"(maxResults|pageSize) under 1"),
    # All tags are on one page.
    (r"ListTagsForResource", r"nextToken .*"),
    # Wider than AWS.
    (r".*", r"tags\.0\.Key pattern.*"),
    (r".*TopicRule", r".*headers\.(\w+|userProperties\.0\.\w+) (over|empty).*"),
    (r"(Create|Update)WirelessDevice", r".*Applications\.0\.DestinationName pattern.*"),
    (r"TestAuthorization", r"authInfos\.0\.resources missing"),
]


def sample(shape, depth=0):
    """The least that the model takes."""
    kind, rules = shape.type_name, shape.metadata
    if kind == "structure":
        required = shape.required_members if depth < 8 else ()
        return {name: sample(shape.members[name], depth + 1) for name in required}
    if kind == "string":
        return rules["enum"][0] if "enum" in rules else "x" * max(1, rules.get("min", 1))
    if kind in ("integer", "long"):
        return max(1, rules.get("min", 1))
    return {"list": [], "map": {}, "boolean": False, "blob": b"x", "float": 1.0, "double": 1.0,
            "timestamp": "2026-01-01T00:00:00Z"}[kind]


def parts(shape, value, path=()):
    """The shape and the value of each part of a request, and where it stands."""
    yield path, shape, value
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from parts(shape.members[name], member, path + (name,))
    elif shape.type_name == "list":
        for at, member in enumerate(value):
            yield from parts(shape.member, member, path + (at,))


def wrong_text(rules, value, in_body):
    if in_body:
        yield "number", 123
    if rules.get("max", 1 << 30) <= 10_000:
        yield f"over {rules['max']}", (value * (rules["max"] + 1))[:rules["max"] + 1]
    if rules.get("min", 0) > 0:
        yield "empty", ""
    if rules.get("min", 0) > 1:
        yield f"under {rules['min']}", value[:rules["min"] - 1]
    if "enum" in rules:
        yield "enum", "NOPE"
    for bad in ("ä \x07!", "a b", "%"):
        if "pattern" in rules and not re.search(known_to_python(rules["pattern"]), bad):
            yield f"pattern {bad!r}", bad
            break


def wrong(shape, value, in_body):
    """What the model forbids in the place of this value, and its name."""
    kind, rules = shape.type_name, shape.metadata
    if kind == "string":
        yield from wrong_text(rules, value, in_body)
    elif kind in ("integer", "long", "float", "double"):
        if "max" in rules:
            yield f"over {rules['max']}", rules["max"] + 1
        if "min" in rules:
            yield f"under {rules['min']}", rules["min"] - 1
        if in_body and kind in ("integer", "long"):
            yield from (("text", "x"), ("fraction", 1.5))
    elif kind == "boolean":
        yield "text", "yes"
    elif kind == "list" and in_body:
        if rules.get("max", 1 << 30) <= 300 and value:
            yield f"over {rules['max']}", value * (rules["max"] + 1)
        if rules.get("min", 0) > 0:
            yield "empty", []


def changed(request, path, value):
    """The request with another value in this place."""
    # Not copy.deepcopy of all at once: parts that are shared would change together.
    request = json.loads(json.dumps(request, default=lambda blob: blob.decode()))
    place = request
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return request


def cases(shape, request):
    """How the request can be wrong: a name, the request, and where its body has one member more."""
    places = {name: member.serialization.get("location") for name, member in shape.members.items()}
    payload = shape.serialization.get("payload")
    for path, part, value in parts(shape, request):
        name = lambda *more: ".".join(map(str, path + more))
        in_body = bool(path) and places[path[0]] is None
        if part.type_name == "structure":
            for member in part.required_members:
                if places[(path or (member,))[0]] != "uri" and member in value:
                    where = path + (member,)
                    yield f"{name(member)} missing", changed(request, where, GONE), None
            if payload is None and (in_body or not path and None in places.values()):
                yield f"{name('Bogus')} unknown", request, path
        if path and path[0] != payload:
            for how, bad in wrong(part, value, in_body):
                if places[path[0]] != "uri" or bad != "":
                    yield f"{name()} {how}", changed(request, path, bad), None
    for token in TOKENS:
        if token in shape.members:
            yield f"{token} none of ours", {**request, token: "none of ours"}, None


def ask(client, operation, request, extra=None):
    """The exception's name and text; `None` when the server agrees."""
    def add(params, **_):
        body = json.loads(params["body"] or b"{}")
        place = body
        for step in extra:
            place = place[step]
        place["Bogus"] = 1
        params["body"] = json.dumps(body).encode()

    if extra is not None:
        client.meta.events.register_first("before-call", add)
    try:
        getattr(client, xform_name(operation))(**request)
    except ClientError as refusal:
        return refusal.response["Error"]["Code"], refusal.response["Error"]["Message"]
    finally:
        client.meta.events.unregister("before-call", add)
    return None


def walk(client, operation, make):
    """Gives what is wrong with how the operation refuses, and how much was tried."""
    model = client.meta.service_model.operation_model(operation)
    known = {error.name for error in model.error_shapes}
    agreed = ask(client, operation, make())
    if agreed is not None:
        return [f"{operation}: the whole request is refused: {agreed}"], 0
    called.add(operation)
    problems, tried = [], 0
    if model.input_shape is None:
        return problems, tried
    for name in [name for name, _, _ in cases(model.input_shape, make())]:
        fresh = cases(model.input_shape, make())
        request, extra = next(case[1:] for case in fresh if case[0] == name)
        said, tried = ask(client, operation, request, extra), tried + 1
        taken = any(re.fullmatch(of, operation) and re.fullmatch(how, name) for of, how in TAKEN)
        if said is None and not taken:
            problems.append(f"{operation}: {name} is taken")
        elif said is not None and said[0] not in known:
            problems.append(f"{operation}: {name}: the model has no {said}")
    return problems, tried


def not_served(client, operation, listed):
    """Gives what is wrong with how an operation is refused that is not served."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    said = ask(client, operation, sample(shape) if shape else {})
    if said is None or said[0] not in ("UnknownOperationException", "MethodNotAllowedException"):
        return [f"{operation}: it has no request here, and the server says {said}"]
    version = tuple(int(part) for part in botocore.__version__.split(".")[:2])
    if "no operation" not in said[1] or version <= LISTED_UP_TO and operation not in listed:
        return [f"{operation}: it is not served and docs/NOT_SERVED.md does not say so: {said}"]
    return []


def main(url):
    os.environ.update(ENVIRONMENT)
    once = {"mode": "standard", "total_max_attempts": 1}
    config = Config(retries=once, parameter_validation=False)
    requests = Requests({name: boto3.client(name, endpoint_url=url, config=Config(retries=once))
                         for name in SERVICES})
    with open(DOCS, encoding="utf-8") as docs:
        listed = set(re.findall(r"\w+", docs.read()))
    problems, tried = [], 0
    for name in SERVICES:
        client, made = boto3.client(name, endpoint_url=url, config=config), requests.of(name)
        for operation in client.meta.service_model.operation_names:
            if operation in ELSEWHERE:
                continue
            if operation in made:
                found, count = walk(client, operation, made.pop(operation))
                tried += count
            else:
                found = not_served(client, operation, listed)
            problems += found
        # Older boto3 know fewer operations.
        print(f"{name}: not known to this boto3: {' '.join(made) or 'none'}")
    assert not problems, "\n".join(problems)
    print(f"{tried} wrong requests; {len(called)} operations: {' '.join(sorted(called))}")


if __name__ == "__main__":
    main(sys.argv[1])
