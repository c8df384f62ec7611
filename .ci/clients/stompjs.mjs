// stompjs over WebSocket against the test broker, in every version by its subprotocol.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { Client, Versions } from '@stomp/stompjs';
import { WebSocket } from 'ws';

const patience = 10_000; // ms until something that has to happen counts as missing
const queue = '/queue/inbox';
const versions = ['1.0', '1.1', '1.2'];

class Broker {
    static async start(...options) {
        const program = process.env.STOMP_TESTBROKER;
        const listen = ['--listen', '127.0.0.1:0', '--websocket', '127.0.0.1:0'];
        const broker = new Broker();
        broker.process = spawn(program, [...listen, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
        for await (const line of createInterface(broker.process.stdout)) {
            broker.url = line.match(/^listening on (ws:.*)/)?.[1];
            if (broker.url) return broker;
        }
        throw new Error('the broker does not listen for WebSocket');
    }

    async stop() {
        if (this.process.exitCode !== null) throw new Error(`the broker ended with ${this.process.exitCode}`);
        const ended = once(this.process, 'exit');
        this.process.kill('SIGTERM');
        same('exit code of the broker', 0, (await ended)[0]);
    }
}

/** What arrives, by kind, for code that awaits it. */
class Inbox {
    #arrived = {};
    #waiting = {};

    put(kind, value) {
        const waiting = this.#waiting[kind]?.shift();
        if (waiting) waiting(value);
        else (this.#arrived[kind] ??= []).push(value);
    }

    async next(kind) {
        const arrived = this.#arrived[kind] ?? [];
        if (arrived.length) return arrived.shift();
        let timer;
        const late = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`no ${kind} within ${patience / 1000} s`)), patience);
        });
        const value = new Promise((resolve) => (this.#waiting[kind] ??= []).push(resolve));
        return Promise.race([value, late]).finally(() => clearTimeout(timer));
    }

    count(kind) {
        return this.#arrived[kind]?.length ?? 0;
    }
}

class Peer {
    constructor(broker, version, options = {}) {
        this.inbox = new Inbox();
        this.stomp = new Client({
            stompVersions: new Versions([version]),
            webSocketFactory: () => {
                const protocols = this.stomp.stompVersions.protocolVersions();
                this.socket = new WebSocket(broker.url, protocols);
                this.socket.on('message', (data) => data.toString() === '\n' && this.inbox.put('beat'));
                return this.socket;
            },
            connectHeaders: { login: 'guest', passcode: 'guest' },
            reconnectDelay: 0,
            heartbeatIncoming: 0,
            heartbeatOutgoing: 0,
            onConnect: (frame) => this.inbox.put('CONNECTED', frame),
            onStompError: (frame) => this.inbox.put('ERROR', frame),
            onWebSocketClose: (event) => this.inbox.put('end', event),
            onDisconnect: () => this.inbox.put('disconnect receipt'),
            ...options,
        });
        this.stomp.activate();
    }

    static async connect(broker, version, options) {
        const peer = new Peer(broker, version, options);
        const connected = await peer.next('CONNECTED');
        same('version', version, connected.headers.version);
        same('subprotocol', `v${version.replace('.', '')}.stomp`, peer.socket.protocol);
        return peer;
    }

    next(kind) {
        return this.inbox.next(kind);
    }

    receipt() {
        const receipt = `receipt-${++Peer.receipts}`;
        this.stomp.watchForReceipt(receipt, () => this.inbox.put(receipt));
        return receipt;
    }

    /** Does something with a receipt, and waits for it. */
    async confirmed(action) {
        const receipt = this.receipt();
        action({ receipt });
        await this.next(receipt);
    }

    subscribe(ack = 'auto', destination = queue) {
        const keep = (message) => this.inbox.put('MESSAGE', message);
        return this.confirmed((headers) => (this.subscription = this.stomp.subscribe(destination, keep, { ack, ...headers })));
    }

    send(body, headers = {}, destination = queue) {
        const content = typeof body === 'string' ? { body } : { binaryBody: body };
        this.stomp.publish({ destination, headers, ...content });
    }

    async message(body) {
        const message = await this.next('MESSAGE');
        same('body', body, typeof body === 'string' ? message.body : message.binaryBody);
        return message;
    }

    /** Fails if a message is there, or was on its way. */
    async nothing() {
        await this.confirmed((headers) => this.send('', headers, '/topic/nobody'));
        same('further messages', 0, this.inbox.count('MESSAGE'));
    }

    cut() {
        this.socket.terminate();
        return this.next('end');
    }

    async disconnect() {
        this.stomp.deactivate();
        await this.next('disconnect receipt');
        await this.next('end');
    }
}
Peer.receipts = 0;

const scenarios = [];

/** One scenario for each version. */
function scenario(name, run, options = [], only = versions) {
    for (const version of only) {
        scenarios.push([`${name} ${version}`, async () => {
            const broker = await Broker.start(...options);
            await run(broker, version).finally(() => broker.stop());
        }]);
    }
}

function same(what, expected, got) {
    if (isDeepStrictEqual(expected, got)) return;
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`.slice(0, 300));
}

scenario('connect and disconnect with a receipt', async (broker, version) => {
    const peer = await Peer.connect(broker, version);
    await peer.disconnect();
    same('ERROR frames', 0, peer.inbox.count('ERROR'));
});

scenario('wrong login', async (broker, version) => {
    const stranger = new Peer(broker, version, { connectHeaders: { login: 'guest', passcode: 'wrong' } });
    await stranger.next('ERROR');
    await stranger.next('end');
    await (await Peer.connect(broker, version)).disconnect();
}, ['--login', 'guest:guest']);

scenario('the highest common version', async (broker) => {
    const peer = new Peer(broker, '1.2', { stompVersions: new Versions(versions) });
    same('version', '1.2', (await peer.next('CONNECTED')).headers.version);
    await peer.disconnect();
}, [], ['1.2']);

scenario('send and receive', async (broker, version) => {
    const peer = await Peer.connect(broker, version);
    await peer.subscribe();
    for (let n = 0; n < 100; n++) peer.send(`message ${n}`, { number: `${n}` });
    for (let n = 0; n < 100; n++) same('header', `${n}`, (await peer.message(`message ${n}`)).headers.number);
    const odd = 'grüße, 你好, 🦀\n\0 and a second line';
    peer.send(odd);
    await peer.message(odd);
    const binary = new Uint8Array(100_000).map((_, n) => n);
    peer.send(binary);
    await peer.message(binary);
    await peer.disconnect();
});

// stompjs escapes in 1.2 only, and takes an escaped backslash before an n for a line feed.
scenario('header escapes', async (broker, version) => {
    const peer = await Peer.connect(broker, version);
    await peer.subscribe();
    const odd = 'colon : backslash \\ line\nfeed return\r ü';
    peer.send('x', { odd });
    same('header', odd, (await peer.message('x')).headers.odd);
    await peer.disconnect();
}, [], ['1.2']);

scenario('a frame in many WebSocket messages', async (broker, version) => {
    const peer = await Peer.connect(broker, version, { splitLargeFrames: true, maxWebSocketChunkSize: 1000 });
    await peer.subscribe();
    const large = 'large body '.repeat(10_000);
    peer.send(large);
    await peer.message(large);
    await peer.disconnect();
});

scenario('binary WebSocket messages', async (broker, version) => {
    const peer = await Peer.connect(broker, version, { forceBinaryWSFrames: true });
    await peer.subscribe();
    peer.send('binary frame');
    await peer.message('binary frame');
    await peer.disconnect();
});

scenario('ack, and redelivery after a lost consumer', async (broker, version) => {
    const first = await Peer.connect(broker, version);
    await first.subscribe('client-individual');
    for (const body of ['a', 'b', 'c']) first.send(body);
    await first.message('a');
    const b = await first.message('b');
    await first.message('c');
    await first.confirmed((headers) => b.ack(headers));
    await first.cut();
    const second = await Peer.connect(broker, version);
    await second.subscribe('client');
    same('redelivered', 'true', (await second.message('a')).headers.redelivered);
    (await second.message('c')).ack(); // cumulative: both
    await second.nothing();
    await second.cut();
    const third = await Peer.connect(broker, version);
    await third.subscribe();
    await third.nothing();
    await third.disconnect();
});

scenario('nack as in RabbitMQ', async (broker, version) => {
    const peer = await Peer.connect(broker, version);
    await peer.subscribe('client-individual');
    peer.send('again');
    (await peer.message('again')).nack();
    const again = await peer.message('again');
    same('redelivered', 'true', again.headers.redelivered);
    again.ack();
    await peer.nothing();
    await peer.disconnect();
}, ['--profile', 'rabbitmq'], ['1.1', '1.2']);

scenario('transactions', async (broker, version) => {
    const peer = await Peer.connect(broker, version);
    await peer.subscribe();
    const kept = peer.stomp.begin();
    peer.send('kept', { transaction: kept.id });
    await peer.nothing();
    kept.commit();
    await peer.message('kept');
    const dropped = peer.stomp.begin();
    peer.send('dropped', { transaction: dropped.id });
    dropped.abort();
    peer.send('after');
    await peer.message('after');
    await peer.nothing();
    await peer.disconnect();
});

scenario('topics fan out, unsubscribed ones hear nothing', async (broker, version) => {
    const peers = [await Peer.connect(broker, version), await Peer.connect(broker, version)];
    for (const peer of peers) await peer.subscribe('auto', '/topic/news');
    peers[0].send('everybody', {}, '/topic/news');
    for (const peer of peers) await peer.message('everybody');
    await peers[1].confirmed((headers) => peers[1].subscription.unsubscribe(headers));
    peers[0].send('one', {}, '/topic/news');
    await peers[0].message('one');
    await peers[1].nothing();
    for (const peer of peers) await peer.disconnect();
});

scenario('heart-beats keep an idle connection', async (broker, version) => {
    const peer = await Peer.connect(broker, version, { heartbeatIncoming: 500, heartbeatOutgoing: 500 });
    for (let n = 0; n < 5; n++) await peer.next('beat');
    same('lost connections', 0, peer.inbox.count('end'));
    await peer.disconnect();
}, ['--heart-beat', '500,500'], ['1.1', '1.2']);

scenario('a silent client is cut off', async (broker, version) => {
    const peer = await Peer.connect(broker, version, { heartbeatOutgoing: 200 });
    peer.socket.send = () => {};
    await peer.next('end');
}, ['--heart-beat', '200,200'], ['1.1', '1.2']);

scenario('it comes back by itself', async (broker, version) => {
    const peer = await Peer.connect(broker, version, { reconnectDelay: 1 });
    await peer.cut();
    await peer.next('CONNECTED');
    await peer.subscribe();
    peer.send('here again');
    await peer.message('here again');
    await peer.disconnect();
});

let failed = 0;
for (const [name, run] of scenarios) {
    const began = performance.now();
    try {
        await run();
        console.log(`pass stompjs: ${name} (${((performance.now() - began) / 1000).toFixed(2)} s)`);
    } catch (error) {
        failed++;
        console.log(`FAIL stompjs: ${name}: ${error.message}`);
    }
}
console.log(`stompjs: ${scenarios.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
