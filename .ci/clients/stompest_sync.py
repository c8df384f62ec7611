"""stompest's blocking client against the test broker: the ancestor, with its replay and its failover."""

import logging
import time

from broker import PATIENCE, Broker, main, same, scenario
from stompest.config import StompConfig
from stompest.error import StompConnectionError, StompConnectTimeout, StompProtocolError
from stompest.sync import Stomp

logging.disable()

QUEUE = "/queue/inbox"
VERSIONS = "1.0", "1.1", "1.2"


def uri(*brokers, options=""):
    members = ",".join(f"tcp://127.0.0.1:{broker.port}" for broker in brokers)
    return f"failover:({members})?{options}" if options else members


def connected(uri, version, login=(None, None), **options):
    client = Stomp(StompConfig(uri, *login, version=version))
    client.connect(connectTimeout=PATIENCE, connectedTimeout=PATIENCE, host="localhost", **options)
    same("version", version, client.session.version)
    return client


def next_frame(client):
    assert client.canRead(PATIENCE), f"no frame within {PATIENCE} s"
    return client.receiveFrame()


def message(client, body, frame=None):
    frame = frame or next_frame(client)
    same("frame", ("MESSAGE", body), (frame.command, frame.body))
    client.message(frame)  # raises unless it belongs to a subscription
    return frame


def receipt(client, id, frame=None):
    frame = frame or next_frame(client)
    same("frame", ("RECEIPT", id), (frame.command, frame.headers.get("receipt-id")))
    client.receipt(frame)  # raises unless it was asked for


def message_and_receipt(client, body, id):
    """Takes the two, whichever comes first."""
    first, second = sorted((next_frame(client), next_frame(client)), key=lambda frame: frame.command)
    receipt(client, id, second)
    return message(client, body, first)


def nothing(client):
    """Fails if a frame is there, or was on its way."""
    client.send("/topic/nobody", b"", receipt="round-trip")
    receipt(client, "round-trip")


def subscribed(client):
    token = client.subscribe(QUEUE, {"id": "s", "ack": "client-individual"}, receipt="subscribed")
    receipt(client, "subscribed")
    return token


def send(client, *bodies, **headers):
    for body in bodies:
        client.send(QUEUE, body, headers)


def cut(client):
    """Loses the connection without a word to the broker; the subscriptions are remembered."""
    client.close(flush=False)


def ended(client):
    """Waits until the broker ends the connection; the subscriptions are remembered."""
    try:
        client.canRead(PATIENCE)
    except StompConnectionError:
        return
    raise AssertionError(f"still connected after {PATIENCE} s")


@scenario(*VERSIONS)
def connect_and_disconnect_with_a_receipt(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        assert client.session.id, "CONNECTED without a session"
        client.disconnect(receipt="bye")
        receipt(client, "bye")
        client.close()


@scenario(*VERSIONS)
def login_right_and_wrong(version):
    with Broker("--login", "guest:guest") as broker:
        connected(uri(broker), version, ("guest", "guest")).disconnect()
        try:
            connected(uri(broker), version, ("guest", "wrong"))
        except StompProtocolError as error:
            assert "ERROR" in str(error), f"not because of ERROR: {error}"
        else:
            raise AssertionError("it was let in")


@scenario()
def the_highest_common_version():
    with Broker() as broker:
        client = connected(uri(broker), "1.2", versions=["1.0", "1.1", "1.2"])
        client.disconnect()
        client.connect(versions=["1.0", "1.1"])
        same("version", "1.1", client.session.version)
        client.disconnect()


@scenario(*VERSIONS)
def send_receive_ack(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        token = subscribed(client)
        bodies = [f"message {n}".encode() for n in range(100)] + [bytes(range(1, 256)) * 300]
        send(client, *bodies)
        for body in bodies:
            client.ack(message(client, body))
        client.unsubscribe(token, receipt="unsubscribed")
        receipt(client, "unsubscribed")
        send(client, b"kept")
        nothing(client)
        subscribed(client)
        client.ack(message(client, b"kept"))
        client.disconnect()


@scenario()
def a_subscription_without_an_id():
    with Broker() as broker:
        client = connected(uri(broker), "1.0")
        token = client.subscribe(QUEUE, {"ack": "client"})
        send(client, b"x")
        frame = message(client, b"x")
        same("token", token, client.message(frame))
        client.ack(frame, receipt="acked")
        receipt(client, "acked")
        client.unsubscribe(token)
        nothing(client)
        client.disconnect()


@scenario("1.1", "1.2")
def nack(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        subscribed(client)
        send(client, b"bad", b"good")
        client.nack(message(client, b"bad"), receipt="nacked")
        client.ack(message(client, b"good"), receipt="acked")
        receipt(client, "nacked")
        receipt(client, "acked")
        nothing(client)
        client.disconnect()


@scenario(*VERSIONS)
def replay_after_a_lost_connection(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        subscribed(client)
        send(client, b"a", b"b")
        client.ack(message(client, b"a"))
        message(client, b"b")
        nothing(client)
        cut(client)
        client.connect(host="localhost")  # and subscribes again, with the same receipt
        receipt(client, "subscribed")
        frame = message(client, b"b")
        same("redelivered", "true", frame.headers["redelivered"])
        client.ack(frame)
        send(client, b"c")
        client.ack(message(client, b"c"))
        nothing(client)
        client.disconnect()


@scenario(*VERSIONS)
def replay_after_a_broker_that_went_away(version):
    with Broker() as broker:
        client = connected(uri(broker, options="maxReconnectAttempts=-1"), version)
        subscribed(client)
        broker.stop()
        ended(client)
        with Broker(port=broker.port):
            client.connect(host="localhost")
            receipt(client, "subscribed")
            send(client, b"a")
            client.ack(message(client, b"a"))
            client.disconnect()


@scenario(*VERSIONS)
def nothing_to_replay_after_disconnect(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        subscribed(client)
        client.disconnect()
        client.connect(host="localhost")
        send(client, b"a")
        nothing(client)
        client.disconnect()


@scenario(*VERSIONS)
def transactions(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        subscribed(client)
        client.begin("t", receipt="begun")
        receipt(client, "begun")
        send(client, b"kept", transaction="t")
        nothing(client)
        client.commit("t", receipt="committed")
        client.ack(message_and_receipt(client, b"kept", "committed"))
        client.begin("t")
        send(client, b"dropped", transaction="t")
        client.abort("t", receipt="aborted")
        receipt(client, "aborted")
        nothing(client)
        client.disconnect()


@scenario(*VERSIONS)
def an_ack_in_a_transaction(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        subscribed(client)
        send(client, b"a", b"b")
        frames = [message(client, body) for body in (b"a", b"b")]
        for frame, end in zip(frames, (client.commit, client.abort)):
            client.begin("t")
            frame.unraw()
            frame.headers["transaction"] = "t"  # how stompest is told about it
            client.ack(frame)
            end("t", receipt="ended")
            receipt(client, "ended")
        cut(client)
        client.connect(host="localhost")
        receipt(client, "subscribed")
        client.ack(message(client, b"b"))
        nothing(client)
        client.disconnect()


@scenario(*VERSIONS)
def the_transaction_context_manager(version):
    with Broker() as broker:
        client = connected(uri(broker), version)
        subscribed(client)
        with client.transaction(receipt="good") as transaction:
            send(client, b"inside", transaction=transaction)
        receipt(client, "good-begin")
        client.ack(message_and_receipt(client, b"inside", "good-commit"))
        try:
            with client.transaction(receipt="bad") as transaction:
                send(client, b"inside", transaction=transaction)
                send(client, b"outside")
                raise RuntimeError("poof")
        except RuntimeError:
            pass
        receipt(client, "bad-begin")
        client.ack(message_and_receipt(client, b"outside", "bad-abort"))
        nothing(client)
        client.disconnect()


@scenario("1.1", "1.2")
def heart_beats(version):
    with Broker("--heart-beat", "500,500") as broker:
        client = connected(uri(broker), version, heartBeats=(500, 500))
        same("periods", (500, 500), (client.clientHeartBeat, client.serverHeartBeat))
        began, heard = time.time(), set()
        while len(heard) < 5:
            same("frames", False, client.canRead(0.1))  # skips beats, and notes when they came
            heard.add(client.lastReceived)
            client.beat()
            assert time.time() < began + PATIENCE, "no beats from the broker"
        ended(client)  # for it beats no more


@scenario(*VERSIONS)
def failover_to_the_second_broker(version):
    with Broker() as first, Broker() as second:
        options = "randomize=false,startupMaxReconnectAttempts=3,maxReconnectAttempts=3,initialReconnectDelay=1"
        client = connected(uri(first, second, options=options), version)
        subscribed(client)
        first.stop()
        ended(client)
        client.connect(host="localhost")
        receipt(client, "subscribed")
        send(client, b"a")
        client.ack(message(client, b"a"))
        second.stop()
        ended(client)
        try:
            client.connect(host="localhost")
        except StompConnectTimeout:
            return
        raise AssertionError("it connected to a broker that was stopped")


main("stompest")
