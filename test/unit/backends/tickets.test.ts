import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tickets } from '#src/backends/tickets';

test('a ticket stands for what it was given for, until it is taken back', () => {
  const tickets = new Tickets<string>();
  const [a, b] = [tickets.give('a'), tickets.give('b')];
  assert.deepEqual([a, b, tickets.size], [1, 2, 2]);
  assert.equal(tickets.take(a), 'a');
  assert.deepEqual(
    [tickets.take(a), tickets.take(7), tickets.take(0), tickets.size],
    [undefined, undefined, undefined, 1],
  );
});

test('tickets that were taken back are given again, never one that is still out', () => {
  const tickets = new Tickets<number>();
  const out = new Map<number, number>();
  for (let value = 0; value < 1000; value++) {
    const ticket = tickets.give(value);
    assert.ok(ticket >= 1 && ticket <= 11 && !out.has(ticket), String(ticket));
    out.set(ticket, value);
    // One of the three that are out for longest.
    const [oldest] = [...out.keys()].slice(value % 3);
    if (out.size > 10 && oldest !== undefined) {
      assert.equal(tickets.take(oldest), out.get(oldest));
      out.delete(oldest);
    }
  }
  assert.equal(tickets.size, out.size);
  assert.deepEqual(tickets.takeAll().sort(), [...out.values()].sort());
  assert.deepEqual([tickets.size, tickets.takeAll(), tickets.give(1)], [0, [], 1]);
});
