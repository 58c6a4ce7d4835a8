"""gRPC as Python has it: grpcio, with messages and calls out of the service's own reflection.

usage: grpc_python.py URL ADDRESS [CERTIFICATE]
"""

import itertools
import json
import queue
import sys
import urllib.request
import uuid

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

DEADLINE = 40
URL, ADDRESS, *AUTHORITY = sys.argv[1:]


def connect():
    if not AUTHORITY:
        return grpc.insecure_channel(ADDRESS)
    with open(AUTHORITY[0], "rb") as file:
        return grpc.secure_channel(ADDRESS, grpc.ssl_channel_credentials(file.read()))


def over_graphql(query, variables, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{URL}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        result = json.load(answer)
    assert "errors" not in result, result
    return result["data"]


def sign_in(login):
    query = "mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }"
    data = over_graphql(query, {"input": {"login": login, "password": "chatterbox"}})
    return data["signIn"]["accessToken"]


channel = connect()
pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
service = pool.FindServiceByName("chatterbox.chat.v1.ChatService")
message_class = lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
ChatMessage = message_class("chatterbox.chat.v1.ChatMessage")


def method(name):
    found = service.FindMethodByName(name)
    kind = {
        (False, False): channel.unary_unary,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[found.client_streaming, found.server_streaming]
    return kind(
        f"/{service.full_name}/{name}",
        request_serializer=message_class(found.input_type.full_name).SerializeToString,
        response_deserializer=message_class(found.output_type.full_name).FromString,
    )


send, send_many, talk = map(method, ["SendMessage", "StreamMessage", "SendMessagesGRPC"])
ADA, GRACE = sign_in("ada"), sign_in("grace")


def metadata(token, **more):
    return [("authorization", f"Bearer {token}"), *more.items()]


def to(username, body, key=None):
    return ChatMessage(username=username, body=body, key=key or str(uuid.uuid4()))


def refused(call, status, code):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() is status, error
        info = error_details_pb2.ErrorInfo()
        assert rpc_status.from_call(error).details[0].Unpack(info)
        assert (info.reason, info.domain) == (code, "chatterbox"), info
    else:
        raise AssertionError("not refused")


class Stream:
    """A stream whose own side is open until `close`."""

    def __init__(self, token, timeout=None, **more):
        self.outbound = queue.SimpleQueue()
        said = iter(self.outbound.get, None)
        self.answers = talk(said, metadata=metadata(token, **more), timeout=timeout)
        # From then on nothing is missed.
        self.answers.initial_metadata()

    def close(self):
        self.outbound.put(None)


# One hears what the other sends, over either protocol.
listening = Stream(GRACE)
key = str(uuid.uuid4())
answer = send(to("grace", "Hello", key), metadata=metadata(ADA), timeout=DEADLINE)
assert (answer.kept, answer.last.body, answer.last.key) == (1, "Hello", key)
heard = next(listening.answers)
assert (heard.id, heard.seq, heard.body) == (answer.last.id, answer.last.seq, "Hello")
query = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id seq } }"
variables = {"input": {"to": {"username": "grace"}, "body": "Over GraphQL"}}
sent = over_graphql(query, variables, ADA)["sendMessage"]
heard = next(listening.answers)
assert (heard.id, heard.seq) == (sent["id"], sent["seq"])
cursor = heard.cursor

# A key is one message.
again = send(to("grace", "Hello", key), metadata=metadata(ADA), timeout=DEADLINE)
assert again.last.id == answer.last.id
for message, token, status, code in [
    (to("grace", "Bye", key), ADA, grpc.StatusCode.ALREADY_EXISTS, "CONFLICT"),
    (to("grace", ""), ADA, grpc.StatusCode.INVALID_ARGUMENT, "BAD_USER_INPUT"),
    (to("grace", "x" * 300_000), ADA, grpc.StatusCode.INVALID_ARGUMENT, "BAD_USER_INPUT"),
    (to("grace", "Hello"), "nonsense", grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
]:
    refused(lambda: send(message, metadata=metadata(token), timeout=DEADLINE), status, code)

# Many go in order, as far as the first that fails.
messages = [to("grace", body) for body in ["One", "Two", "", "Four"]]
many = send_many(iter(messages), metadata=metadata(ADA), timeout=DEADLINE)
assert (many.kept, many.failed_at, many.failure.code) == (2, 2, "BAD_USER_INPUT"), many
assert [next(listening.answers).body for _ in range(2)] == ["One", "Two"]

# A stream answers each message, and ends behind the last.
talking = Stream(ADA, timeout=DEADLINE)
for body in ["Three", " "]:
    talking.outbound.put(to("grace", body, body))
talking.close()
answers = [message for message in talking.answers if not message.cursor]
assert [(message.key, message.body) for message in answers] == [("Three", "Three"), (" ", "")]
assert answers[1].failure.code == "BAD_USER_INPUT"
listening.answers.cancel()

# Who comes back with a cursor has missed nothing.
resumed = Stream(GRACE, timeout=DEADLINE, **{"last-cursor": cursor})
missed = [message.body for message in itertools.islice(resumed.answers, 3)]
assert missed == ["One", "Two", "Three"], missed
resumed.close()
assert list(resumed.answers) == []

# A deadline is kept.
late = Stream(ADA, timeout=3)
try:
    next(late.answers)
except grpc.RpcError as error:
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, error

for stream in [listening, late]:
    stream.close()
channel.close()
print("grpcio: all held")
