// Writes documents for a schema at random: most of what is in them is right.

import {
  GraphQLNonNull,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

/** Whoever is not signed in would have them carried out, at a cost. */
const LEFT_OUT = new Set([
  'register',
  'verifyEmail',
  'resendVerification',
  'signIn',
  'refreshSession',
  'requestPasswordReset',
  'resetPassword',
]);
const ALIASES = ['a', 'b', 'id', 'name', 'username', 'node'];
const LITERALS = ['null', '1', '"text"', '1.5', 'true', 'WORD', '[]', '{}', '[null]', '[[1]]', '99999999999'];
const INPUTS = ['Int', 'String', 'ID', 'Boolean', 'FriendRequestDirection', 'MessageTarget'];
const DEEPEST = 4;
const TOKEN = /"""(?:\\"""|[^])*?"""|"[^"]*"|\.\.\.|\w+|\s+|./gu;
/** What may turn up anywhere in a text. */
const PIECES = [
  ...'{}()[]:$!@=&|,-.#"\\é \n\r\ufeff\u0001',
  ...['...', 'on', 'null', 'true', 'query', 'fragment', 'subscription', '-0', '007', '1.5e3', '1a', '"""a\\""" b"""', '""'],
  ...['"\\u{1F600}"', '"\\uD83D"', '"\\uD83D\\uDE00"', '"\\u00e9\\n"', '"\\u{}"', '# a comment\n', '"described" ', '@skip(if: false)'],
];

export class Author {
  #schema;
  #state;
  #faulty;
  #misfitting;
  #variables;
  #fragments;

  constructor(schema, seed) {
    this.#schema = schema;
    this.#state = seed;
  }

  /** The text, and values for its variables. */
  document() {
    this.#faulty = this.#happens(0.6);
    this.#misfitting = this.#happens(0.5);
    this.#variables = new Map();
    this.#fragments = [];
    const kind = this.#pick(['query', 'query', 'query', 'mutation', 'mutation', 'mutation', 'subscription']);
    const root = this.#schema.getRootType(kind);
    const selection = this.#selection(root, 0);
    const texts = this.#fragments.map(({ name, on, selection, used }) =>
      used || this.#errs(0.5) ? `fragment ${name} on ${on} ${selection}` : '');
    const declared = [...this.#variables.values()].filter(() => !this.#errs(0.02));
    if (this.#errs(0.02)) declared.push({ name: 'unused', type: 'Int', json: 1 });
    const definitions = declared.map(({ name, type, initial }) => {
      const directive = this.#errs(0.005) ? this.#pick([' @skip(if: true)', ' @nowhere']) : '';
      return `$${name}: ${type}${initial ? ` = ${initial}` : ''}${directive}`;
    });
    const head = definitions.length ? `(${definitions.join(', ')})` : '';
    const query = [`${kind} Made${head} ${selection}`, ...texts].join(' ').trim();
    return {
      query: this.#happens(0.2) ? this.#garbled(query) : query,
      variables: Object.fromEntries(declared.filter(({ json }) => json !== undefined).map(({ name, json }) => [name, json])),
    };
  }

  /** From 0 up to 1: mulberry32. */
  #random() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  #happens = (probability) => this.#random() < probability;
  /** A document in which something is wrong, now and then, and values of variables. */
  #errs = (probability) => this.#faulty && this.#happens(probability);
  #misfits = (probability) => this.#misfitting && this.#happens(probability);
  #pick = (from) => from[Math.floor(this.#random() * from.length)];

  /** A token is left out, stands twice, or there is another. */
  #garbled(text) {
    const tokens = text.match(TOKEN);
    const at = Math.floor(this.#random() * tokens.length);
    const piece = this.#pick(PIECES);
    tokens[at] = this.#pick(['', tokens[at] + tokens[at], piece, tokens[at] + piece]);
    return tokens.join('');
  }

  #selection(type, depth) {
    const subscribes = type === this.#schema.getSubscriptionType();
    const many = subscribes && !this.#errs(0.1) ? 1 : 1 + Math.floor(this.#random() * 3);
    const items = Array.from({ length: many }, () => this.#item(type, depth));
    return `{ ${items.join(' ')} }`;
  }

  #item(type, depth) {
    const chance = this.#random();
    if (chance < 0.1) {
      const condition = this.#condition(type);
      const directive = this.#directive(type);
      return `... ${condition}${directive} ${this.#selection(this.#narrowed, depth + 1)}`;
    }
    if (chance < 0.25) return `...${this.#fragment(type, depth)}${this.#directive(type)}`;
    return this.#field(type, depth);
  }

  /** Of an inline fragment, whose type is then `#narrowed`. */
  #narrowed;
  #condition(type) {
    this.#narrowed = type;
    if (this.#happens(0.3)) return '';
    this.#narrowed = this.#related(type);
    return `on ${this.#narrowed.name}`;
  }

  #related(type) {
    if (this.#errs(0.02)) return this.#schema.getType(this.#pick(['User', 'Group', 'Viewer']));
    if (isAbstractType(type)) return this.#pick([type, ...this.#schema.getPossibleTypes(type)]);
    return this.#pick([type, type, ...(type.getInterfaces?.() ?? [])]);
  }

  #fragment(type, depth) {
    const known = this.#fragments.filter(({ done, on }) => done && (on === type.name || this.#errs(0.02)));
    if (known.length && this.#happens(0.6)) {
      const fragment = this.#pick(known);
      fragment.used = true;
      return fragment.name;
    }
    if (this.#errs(0.01)) return 'Nowhere';
    const on = this.#related(type);
    const fragment = { name: `F${this.#fragments.length}`, on: on.name, used: true };
    this.#fragments.push(fragment);
    fragment.selection = this.#selection(on, depth + 1);
    fragment.done = true;
    return fragment.name;
  }

  #field(type, depth) {
    const fields = Object.values(type.getFields?.() ?? {}).filter(({ name }) => !LEFT_OUT.has(name));
    const deep = depth >= DEEPEST;
    const flat = fields.filter((field) => !isCompositeType(getNamedType(field.type)));
    const from = deep ? flat : fields;
    if (this.#errs(0.01)) return 'nothing';
    if (!from.length || this.#happens(0.05)) {
      return `__typename${this.#errs(0.05) ? this.#pick(['(a: 1)', ' { id }', ' @nowhere']) : this.#directive(type)}`;
    }
    const field = this.#pick(from);
    const alias = this.#happens(this.#faulty ? 0.08 : 0.03) ? `${this.#pick(ALIASES)}: ` : '';
    const composite = isCompositeType(getNamedType(field.type));
    const selection = () => (composite ? this.#selection(getNamedType(field.type), depth + 1) : '{ id }');
    const below = composite !== this.#errs(0.005) ? ` ${selection()}` : '';
    return `${alias}${field.name}${this.#arguments(field.args)}${this.#directive(type)}${below}`;
  }

  /** At the top of a subscription it is refused, but not yet by graphql-js. */
  #directive(type) {
    if (type === this.#schema.getSubscriptionType() || !this.#happens(0.05)) return '';
    const name = this.#pick(['skip', 'include']);
    const { args } = this.#schema.getDirective(name);
    return ` @${name}${this.#errs(0.05) ? '' : `(if: ${this.#value(args[0].type, false)})`}`;
  }

  #arguments(all) {
    const given = all.filter((argument) => (isRequiredArgument(argument) ? !this.#errs(0.01) : this.#happens(0.3)));
    const texts = given.map((argument) => `${argument.name}: ${this.#value(argument.type, argument.defaultValue !== undefined)}`);
    if (texts.length && this.#errs(0.01)) texts.push(texts[0]);
    if (this.#errs(0.01)) texts.push('nothing: 1');
    return texts.length ? `(${texts.join(', ')})` : '';
  }

  #value(type, hasDefault, exact = false) {
    if (this.#happens(0.25)) return `$${this.#variable(type, hasDefault, exact)}`;
    if (this.#errs(0.05)) return this.#pick(LITERALS);
    if (!isNonNullType(type) && this.#happens(0.05)) return 'null';
    return this.#literal(getNullableType(type), () => !this.#errs(0.3), (of, initial, exact) => this.#value(of, initial, exact));
  }

  #variable(type, hasDefault, exact) {
    const wanted = exact ? type : this.#tweaked(type, hasDefault);
    const known = [...this.#variables.values()].filter((variable) => variable.type === `${wanted}` || (!exact && this.#errs(0.02)));
    if (known.length && this.#happens(0.6)) return this.#pick(known).name;
    const name = `v${this.#variables.size}`;
    const needed = isNonNullType(type) && !isNonNullType(wanted) && !hasDefault;
    const initial = this.#happens(needed && !this.#errs(0.3) ? 1 : 0.15) ? this.#constant(wanted, needed) : undefined;
    let json = this.#json(wanted, initial);
    // Where `@skip` depends on it the request is refused; graphql-js tells it of the field.
    if (json === null && initial && `${wanted}` === 'Boolean') json = undefined;
    this.#variables.set(name, { name, type: `${wanted}`, initial, json });
    return name;
  }

  /** A type that a variable could have in place of this one. */
  #tweaked(type, hasDefault) {
    const nullable = getNullableType(type);
    const chance = this.#random();
    if (chance < 0.1 || (hasDefault && chance < 0.3)) return nullable;
    if (chance < 0.2) return new GraphQLNonNull(nullable);
    if (this.#errs(0.03) && isListType(nullable)) return nullable.ofType;
    if (this.#errs(0.03)) return this.#schema.getType(this.#pick(INPUTS));
    return type;
  }

  #constant(type, needed = false) {
    if (this.#errs(0.1)) return this.#pick(['null', '1', '"text"', 'WORD', '{}']);
    const nullable = getNullableType(type);
    if (nullable === type && (needed ? this.#errs(0.1) : this.#happens(0.1))) return 'null';
    return this.#literal(nullable, () => true, (of) => this.#constant(of));
  }

  /** One that is no null, of values that `inner` gives. */
  #literal(type, isRight, inner) {
    if (isListType(type)) {
      if (this.#happens(0.2)) return inner(getNullableType(type.ofType), false);
      return `[${Array.from({ length: Math.floor(this.#random() * 3) }, () => inner(type.ofType, false)).join(', ')}]`;
    }
    if (isEnumType(type)) {
      const name = this.#pick(type.getValues()).name;
      return isRight() ? name : `"${name}"`;
    }
    if (isInputObjectType(type)) return this.#object(type, inner);
    return this.#pick({ Int: ['3'], Boolean: ['true', 'false'], ID: ['"x"', '7'], String: ['"x"', '"""block"""'] }[type.name]);
  }

  #object(type, inner) {
    const all = Object.values(type.getFields());
    let given = all.filter((field) => (isRequiredInputField(field) ? !this.#errs(0.02) : this.#happens(0.4)));
    if (type.isOneOf) given = this.#errs(0.1) ? given : [this.#pick(all)];
    const texts = given.map((field) => {
      // Variables that may be null are refused there, but not yet by graphql-js.
      const of = type.isOneOf ? new GraphQLNonNull(field.type) : field.type;
      return `${field.name}: ${inner(of, field.defaultValue !== undefined, type.isOneOf)}`;
    });
    if (texts.length && this.#errs(0.1)) texts.push(this.#pick(texts));
    if (this.#errs(0.02)) texts.push('nothing: 1');
    return `{ ${texts.join(', ')} }`;
  }

  /** A value for a variable; undefined where there is none. */
  #json(type, initial) {
    if (this.#misfits(0.1)) return this.#pick([undefined, null, 1, 1.5, 'text', true, [], {}, [null], 3_000_000_000]);
    if (!isNonNullType(type)) return this.#happens(0.2) ? this.#pick([undefined, null]) : this.#fitting(type);
    return initial && this.#happens(0.3) ? undefined : this.#fitting(type.ofType);
  }

  #fitting(type) {
    if (isListType(type)) {
      const item = new GraphQLNonNull(getNullableType(type.ofType));
      return this.#happens(0.2) ? this.#json(item) : [this.#json(type.ofType)];
    }
    if (isEnumType(type)) return this.#misfits(0.1) ? 'NONE' : this.#pick(type.getValues()).name;
    if (isInputObjectType(type)) {
      const all = Object.values(type.getFields());
      let given = all.filter((field) => (isRequiredInputField(field) ? !this.#misfits(0.1) : this.#happens(0.4)));
      if (type.isOneOf && !this.#misfits(0.1)) given = [this.#pick(all)];
      const of = (field) => (type.isOneOf ? new GraphQLNonNull(field.type) : field.type);
      const fields = given.map((field) => [field.name, this.#json(of(field), field.defaultValue)]);
      return Object.fromEntries(this.#misfits(0.1) ? [...fields, ['nothing', 1]] : fields);
    }
    return this.#pick({ Int: [3], Boolean: [true, false], ID: ['x', 7], String: ['x'] }[type.name]);
  }
}
