"""stomp.py 8 against the test broker, in every version it speaks."""

import logging
import queue

import stomp
from broker import PATIENCE, Broker, main, same, scenario

logging.disable()  # stomp.py logs tracebacks when a link is cut on purpose

QUEUE = "/queue/inbox"
VERSIONS = "1.0", "1.1", "1.2"
WITH_NACK = "1.1", "1.2"


class Inbox(stomp.ConnectionListener):
    """Keeps what arrives, by kind, for a thread that waits for it."""

    def __init__(self):
        self.arrived = {kind: queue.Queue() for kind in ("connected", "message", "receipt", "error", "beat", "end")}

    def on_connected(self, frame):
        self.arrived["connected"].put(frame)

    def on_message(self, frame):
        self.arrived["message"].put(frame)

    def on_receipt(self, frame):
        self.arrived["receipt"].put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.arrived["error"].put(frame)

    def on_heartbeat(self):
        self.arrived["beat"].put(None)

    def on_disconnected(self):
        self.arrived["end"].put(None)


class Client:
    """A connection of stomp.py that waits, and that hides how its versions name a message."""

    def __init__(self, broker, version, login=("guest", "guest"), **options):
        kinds = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}
        self.version = version
        self.stomp = kinds[version]([("127.0.0.1", broker.port)], **options)
        self.inbox = Inbox()
        self.stomp.set_listener("", self.inbox)
        self.stomp.connect(*login, wait=True)
        same("version", version, self.next("connected").headers["version"])

    def next(self, kind):
        try:
            return self.inbox.arrived[kind].get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no {kind} within {PATIENCE} s") from None

    def bodies(self, count):
        return [self.next("message").body for _ in range(count)]

    def nothing(self, kind):
        """Fails if something of that kind is there, or was on its way."""
        self.round_trip()
        same(f"further {kind}s", 0, self.inbox.arrived[kind].qsize())

    def round_trip(self):
        """Returns when the broker has handled everything that was sent before."""
        self.send("/topic/nobody", "", receipt="round-trip")
        same("receipt", "round-trip", self.next("receipt"))

    def send(self, destination, body, **headers):
        self.stomp.send(destination, body, **headers)

    def subscribe(self, destination=QUEUE, ack="auto", id="s"):
        self.stomp.subscribe(destination, id=id, ack=ack, receipt="subscribed")
        same("receipt", "subscribed", self.next("receipt"))

    def ack(self, message, **headers):
        self._settle(self.stomp.ack, message, headers)

    def nack(self, message, **headers):
        self._settle(self.stomp.nack, message, headers)

    def _settle(self, settle, message, headers):
        names = {"1.0": ["message-id"], "1.1": ["message-id", "subscription"], "1.2": ["ack"]}
        settle(*(message.headers[name] for name in names[self.version]), **headers)

    def cut(self):
        """Loses the connection without a word to the broker."""
        self.stomp.transport.disconnect_socket()

    def disconnect(self):
        self.stomp.disconnect(receipt="bye")
        same("receipt", "bye", self.next("receipt"))
        self.next("end")


@scenario(*VERSIONS)
def connect_and_disconnect_with_a_receipt(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.disconnect()
        same("connected", False, client.stomp.is_connected())
        same("ERROR frames", 0, client.inbox.arrived["error"].qsize())


@scenario(*VERSIONS)
def login(version):
    with Broker("--login", "guest:guest", "--login", "odd:pass word") as broker:
        Client(broker, version).disconnect()
        Client(broker, version, login=("odd", "pass word")).disconnect()


@scenario(*VERSIONS)
def wrong_login(version):
    with Broker("--login", "guest:guest") as broker:
        for login in ("guest", "wrong"), ("nobody", "guest"), (None, None):
            try:
                Client(broker, version, login=login)
            except stomp.exception.ConnectFailedException:
                continue
            raise AssertionError(f"{login} was let in")
        Client(broker, version).disconnect()


@scenario("1.1", "1.2")
def a_broker_that_wants_to_know_the_host(version):
    with Broker("--require-host") as broker:
        Client(broker, version, vhost="localhost").disconnect()


@scenario(*VERSIONS)
def send_and_receive(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe()
        for n in range(100):
            client.send(QUEUE, f"message {n}", number=n)
        for n in range(100):
            message = client.next("message")
            same("body", f"message {n}", message.body)
            same("header", str(n), message.headers["number"])
            same("destination", QUEUE, message.headers["destination"])
        client.disconnect()


@scenario(*VERSIONS)
def receipts(version):
    with Broker() as broker:
        client = Client(broker, version)
        wanted = [f"receipt {n}" for n in range(100)]
        for receipt in wanted:
            client.send(QUEUE, "x", receipt=receipt)
        same("receipts", wanted, [client.next("receipt") for _ in wanted])
        client.disconnect()


@scenario(*VERSIONS)
def unicode_bodies(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe()
        body = "grüße, здравствуйте, 你好, 🦀\n\0 and a second line"
        client.send(QUEUE, body)
        same("body", body, client.next("message").body)
        client.disconnect()


@scenario(*VERSIONS)
def binary_bodies(version):
    with Broker() as broker:
        client = Client(broker, version, auto_decode=False)
        client.subscribe()
        for body in bytes(range(256)) * 1000, b"\0", b"\n\n\0\n", b"\xff":
            client.send(QUEUE, body, content_type="application/octet-stream")
            same("body", body, client.next("message").body)
        client.disconnect()


@scenario("1.1", "1.2")
def header_escapes(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe()
        value = "colon : backslash \\ line\nfeed \\n \\c ü"
        client.send(QUEUE, "x", odd=value)
        same("header", value, client.next("message").headers["odd"])
        client.disconnect()


@scenario(*VERSIONS)
def ack_auto(version):
    with Broker() as broker:
        first = Client(broker, version)
        first.subscribe()
        first.send(QUEUE, "once")
        same("body", "once", first.next("message").body)
        first.cut()
        second = Client(broker, version)
        second.subscribe()
        second.nothing("message")
        second.disconnect()


@scenario(*VERSIONS)
def ack_client_is_cumulative(version):
    with Broker() as broker:
        first = Client(broker, version)
        first.subscribe(ack="client")
        for body in "abcd":
            first.send(QUEUE, body)
        messages = [first.next("message") for _ in range(4)]
        first.ack(messages[2], receipt="acked")
        same("receipt", "acked", first.next("receipt"))
        first.cut()
        second = Client(broker, version)
        second.subscribe()
        same("left over", ["d"], second.bodies(1))
        second.nothing("message")
        second.disconnect()


@scenario(*VERSIONS)
def ack_client_individual(version):
    with Broker() as broker:
        first = Client(broker, version)
        first.subscribe(ack="client-individual")
        for body in "abcd":
            first.send(QUEUE, body)
        messages = [first.next("message") for _ in range(4)]
        first.ack(messages[2])
        first.ack(messages[0], receipt="acked")
        same("receipt", "acked", first.next("receipt"))
        first.cut()
        second = Client(broker, version)
        second.subscribe()
        same("left over", ["b", "d"], second.bodies(2))
        second.nothing("message")
        second.disconnect()


@scenario(*VERSIONS)
def redelivery_after_a_lost_consumer(version):
    with Broker() as broker:
        first = Client(broker, version)
        first.subscribe(ack="client-individual")
        for body in "ab":
            first.send(QUEUE, body)
        same("first delivery", ["a", "b"], first.bodies(2))
        second = Client(broker, version)
        second.subscribe(ack="client-individual")
        second.nothing("message")
        first.cut()
        for body in "ab":
            message = second.next("message")
            same("second delivery", body, message.body)
            same("redelivered", "true", message.headers["redelivered"])
            second.ack(message)
        second.disconnect()
        third = Client(broker, version)
        third.subscribe()
        third.nothing("message")
        third.disconnect()


@scenario(*WITH_NACK)
def nack_drops(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe(ack="client-individual")
        client.send(QUEUE, "bad")
        client.nack(client.next("message"), receipt="nacked")
        same("receipt", "nacked", client.next("receipt"))
        client.nothing("message")
        client.disconnect()


@scenario(*WITH_NACK)
def nack_requeues_as_in_rabbitmq(version):
    with Broker("--profile", "rabbitmq") as broker:
        client = Client(broker, version, vhost="/")  # the only one that RabbitMQ knows
        client.subscribe(ack="client-individual")
        client.send(QUEUE, "again")
        client.nack(client.next("message"))
        message = client.next("message")
        same("redelivered", "true", message.headers["redelivered"])
        client.ack(message)
        client.nothing("message")
        client.disconnect()


@scenario(*WITH_NACK)
def nack_dead_letters_as_in_activemq(version):
    with Broker("--profile", "activemq") as broker:
        client = Client(broker, version)
        client.subscribe(ack="client-individual")
        client.send(QUEUE, "bad")
        client.nack(client.next("message"))
        client.subscribe("/queue/ActiveMQ.DLQ", id="dead")
        message = client.next("message")
        same("dead letter", ("bad", "dead"), (message.body, message.headers["subscription"]))
        client.disconnect()


@scenario(*VERSIONS)
def a_committed_transaction(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe()
        transaction = client.stomp.begin()
        for body in "abc":
            client.send(QUEUE, body, transaction=transaction)
        client.nothing("message")
        client.stomp.commit(transaction, receipt="committed")
        same("receipt", "committed", client.next("receipt"))
        same("bodies", ["a", "b", "c"], client.bodies(3))
        client.disconnect()


@scenario(*VERSIONS)
def an_aborted_transaction(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe()
        transaction = client.stomp.begin()
        client.send(QUEUE, "never", transaction=transaction)
        client.stomp.abort(transaction, receipt="aborted")
        same("receipt", "aborted", client.next("receipt"))
        client.send(QUEUE, "after")
        same("bodies", ["after"], client.bodies(1))
        client.nothing("message")
        client.disconnect()


@scenario(*VERSIONS)
def an_ack_in_an_aborted_transaction(version):
    with Broker() as broker:
        first = Client(broker, version)
        first.subscribe(ack="client-individual")
        for body in "ab":
            first.send(QUEUE, body)
        messages = [first.next("message") for _ in range(2)]
        for message, end in zip(messages, (first.stomp.commit, first.stomp.abort)):
            transaction = first.stomp.begin()
            first.ack(message, transaction=transaction)
            end(transaction)
        first.round_trip()
        first.cut()
        second = Client(broker, version)
        second.subscribe()
        same("left over", ["b"], second.bodies(1))
        second.nothing("message")
        second.disconnect()


@scenario(*VERSIONS)
def a_transaction_of_a_lost_connection(version):
    with Broker() as broker:
        first = Client(broker, version)
        first.send(QUEUE, "never", transaction=first.stomp.begin())
        first.round_trip()
        first.cut()
        second = Client(broker, version)
        second.subscribe()
        second.nothing("message")
        second.disconnect()


@scenario(*VERSIONS)
def topics_fan_out(version):
    with Broker() as broker:
        clients = [Client(broker, version) for _ in range(3)]
        clients[0].send("/topic/news", "nobody hears it")
        for client in clients:
            client.subscribe("/topic/news")
        clients[0].send("/topic/news", "everybody hears it")
        for client in clients:
            same("bodies", ["everybody hears it"], client.bodies(1))
            client.nothing("message")
            client.disconnect()


@scenario(*VERSIONS)
def queues_share_the_work(version):
    with Broker() as broker:
        clients = [Client(broker, version) for _ in range(2)]
        for client in clients:
            client.subscribe()
        for n in range(10):
            clients[0].send(QUEUE, str(n))
        bodies = [client.bodies(5) for client in clients]
        same("bodies", [str(n) for n in range(10)], sorted(sum(bodies, [])))
        for client in clients:
            client.disconnect()


@scenario(*VERSIONS)
def unsubscribe(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.subscribe()
        client.stomp.unsubscribe(id="s")
        client.send(QUEUE, "kept")
        client.nothing("message")
        client.subscribe()
        same("bodies", ["kept"], client.bodies(1))
        client.disconnect()


@scenario("1.1", "1.2")
def heart_beats_keep_an_idle_connection(version):
    with Broker("--heart-beat", "500,500") as broker:
        client = Client(broker, version, heartbeats=(500, 500), heart_beat_receive_scale=4)
        client.subscribe()
        for _ in range(5):
            client.next("beat")
        same("lost connections", 0, client.inbox.arrived["end"].qsize())
        client.send(QUEUE, "still here")
        same("bodies", ["still here"], client.bodies(1))
        client.disconnect()


@scenario("1.1", "1.2")
def a_silent_client_is_cut_off(version):
    with Broker("--heart-beat", "200,200") as broker:
        silent = Client(broker, version, heartbeats=(200, 200))
        silent.subscribe(ack="client-individual")
        silent.send(QUEUE, "unsettled")
        same("bodies", ["unsettled"], silent.bodies(1))
        silent.stomp.transport.send = lambda _: None
        silent.next("end")
        heir = Client(broker, version)
        heir.subscribe()
        same("bodies", ["unsettled"], heir.bodies(1))
        heir.disconnect()


@scenario(*VERSIONS)
def an_error_tells_why(version):
    with Broker() as broker:
        client = Client(broker, version)
        client.stomp.commit("unknown", receipt="r")
        error = client.next("error")
        same("receipt-id", "r", error.headers["receipt-id"])
        assert error.headers["message"], "ERROR without a reason"
        client.next("end")


main(f"stomp.py {stomp.__version__}")
