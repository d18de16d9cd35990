// A conversation of MQTT.js with a broker. Arguments: url, version (4 or 5). Says "ok" at the end.
const mqtt = require('mqtt');
const assert = require('assert');
const [url, version] = [process.argv[2], Number(process.argv[3])];

async function connect(clientId, more = {}) {
  return mqtt.connectAsync(url, { clientId, protocolVersion: version, clean: true, reconnectPeriod: 0, ...more });
}

function collect(client) {
  const waiting = [], got = [];
  client.on('message', (topic, payload, packet) => {
    const next = waiting.shift();
    if (next) next(packet); else got.push(packet);
  });
  return () => got.length ? Promise.resolve(got.shift()) : new Promise((resolve) => waiting.push(resolve));
}

async function main() {
  const one = await connect('js1'), two = await connect('js2');
  const next = collect(one);
  await one.subscribeAsync('js/#', { qos: 2 });
  for (const qos of [0, 1, 2]) {
    for (let number = 0; number < 100; number++) two.publish(`js/${qos}`, `${number}`, { qos });
    for (let number = 0; number < 100; number++) {
      const packet = await next();
      assert.deepStrictEqual([packet.topic, packet.payload.toString(), packet.qos], [`js/${qos}`, `${number}`, qos]);
    }
  }
  const large = Buffer.alloc(1 << 20, 'x');
  await two.publishAsync('js/large', large, { qos: 1 });
  assert((await next()).payload.equals(large));
  await two.publishAsync('js/kept', 'value', { qos: 1, retain: true });
  await next();
  const three = await connect('js3');
  const nextOfThree = collect(three);
  await three.subscribeAsync('js/kept', { qos: 1 });
  assert((await nextOfThree()).retain);
  await two.publishAsync('js/kept', '', { qos: 1, retain: true });
  await nextOfThree();
  await next();
  const victim = await connect('js4', { will: { topic: 'js/will', payload: Buffer.from('gone'), qos: 1, retain: false } });
  victim.stream.destroy();
  assert.strictEqual((await next()).payload.toString(), 'gone');
  if (version === 5) {
    const properties = { userProperties: { a: ['1', '2'], b: '3' }, contentType: 'x/y', correlationData: Buffer.from('c'), responseTopic: 'r' };
    await two.publishAsync('js/five', 'p', { qos: 2, properties });
    const packet = await next();
    assert.deepStrictEqual({ ...packet.properties.userProperties }, properties.userProperties);
    assert.strictEqual(packet.properties.contentType, 'x/y');
    assert.strictEqual(packet.properties.responseTopic, 'r');
    assert(packet.properties.correlationData.equals(properties.correlationData));
  }
  for (const client of [one, two, three]) await client.endAsync();
  console.log('ok');
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
