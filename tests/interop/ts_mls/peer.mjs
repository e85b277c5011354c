// SPDX-License-Identifier: Apache-2.0
//
// ts-mls behind the line protocol of MLS peers: one JSON object a line in, one out. Its state is immutable, so what fails changes nothing.
// What ts-mls cannot do is refused as Unsupported: Update proposals, force_path, x509, last_resort, GREASE on demand.
import { readFileSync, writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { p256, p384, p521 } from "@noble/curves/nist.js"
import * as mls from "ts-mls"
import { defaultClientConfig } from "ts-mls/clientConfig.js"
import { makeKeyPackageRef, encodeKeyPackage, decodeKeyPackage } from "ts-mls/keyPackage.js"
import { encodeRatchetTree, decodeRatchetTree } from "ts-mls/ratchetTree.js"
import { encodeWelcome, decodeWelcome } from "ts-mls/welcome.js"
import { encodeGroupInfo, decodeGroupInfo } from "ts-mls/groupInfo.js"

const SUITES = [1, 2, 3, 4, 5, 6, 7]
const PRIVATE_TYPES = [0xf000, 0xf001, 0xf002, 0xf003]
const hex = (bytes) => Buffer.from(bytes).toString("hex")
const suiteName = (id) => Object.keys(mls.ciphersuites).find((name) => mls.ciphersuites[name] === id)
const implOf = (id) => mls.getCiphersuiteImpl(mls.getCiphersuiteFromName(suiteName(id)))

class Refusal extends Error {
  constructor(name, text) {
    super(text)
    this.name = name
  }
}
const refuse = (name, text) => {
  throw new Refusal(name, text)
}

// -- requests ------------------------------------------------------------------------------------------------------------------------

function bytes(value) {
  if (typeof value !== "string") return refuse("Usage", "bytes are missing")
  if (value.startsWith("utf8:")) return new TextEncoder().encode(value.slice(5))
  if (value.startsWith("@")) return new Uint8Array(readFileSync(value.slice(1)))
  if (!/^([0-9a-fA-F]{2})*$/.test(value)) return refuse("Usage", "not hex")
  return new Uint8Array(Buffer.from(value, "hex"))
}
const orNone = (value) => (value === undefined || value === null ? undefined : bytes(value))

// decoders give [value, octets read]
function whole(decode, input) {
  const got = decode(input, 0)
  if (!got || got[1] !== input.length) return refuse("Decode", "cannot be decoded")
  return got[0]
}

const framing = {
  mls_key_package: [5, decodeKeyPackage, "keyPackage"],
  mls_welcome: [3, decodeWelcome, "welcome"],
  mls_group_info: [4, decodeGroupInfo, "groupInfo"],
}
function message(input, wireformat) {
  const [number, decodeBare, field] = framing[wireformat]
  const framed = input[1] === 1 && input[3] === number && (number === 3 || (input[4] === 0 && input[5] === 1))
  if (!framed) return whole(decodeBare, input)
  return whole(mls.decodeMlsMessage, input)[field]
}
const framed = (wireformat, field, value) => mls.encodeMlsMessage({ version: "mls10", wireformat, [field]: value })
const extensions = (list) => (list ?? []).map((e) => ({ extensionType: extensionType(e.type), extensionData: bytes(e.data) }))
function extensionType(type) {
  return Object.keys(mls.defaultExtensionTypes).find((name) => mls.defaultExtensionTypes[name] === type) ?? type
}

// -- what this process holds -----------------------------------------------------------------------------------------------------------

const groups = new Map() // hex of the id -> {state, impl, pending}
const keyPackages = new Map()
const psks = {}
let last
let made = 0

function groupOf(request) {
  const name = request.group ?? last
  if (!groups.has(name)) refuse("NotFound", "no such group")
  last = name
  return groups.get(name)
}
function hold(state, impl) {
  last = hex(state.groupContext.groupId)
  groups.set(last, { state, impl })
  return groups.get(last)
}
function pskIndex(state) {
  const own = mls.makePskIndex(state, psks)
  const others = () => [...groups.values()].map((g) => mls.makePskIndex(g.state, {}))
  return { findPsk: (id) => own.findPsk(id) ?? others().map((o) => o.findPsk(id)).find((found) => found) }
}

function members(tree) {
  return tree.flatMap((node, i) =>
    node?.nodeType === "leaf" ? [{ leaf: i / 2, identity: hex(node.leaf.credential.identity ?? node.leaf.credential.certificates[0]) }] : [],
  )
}
function fields({ state }) {
  const context = state.groupContext
  return {
    group: hex(context.groupId),
    epoch: Number(context.epoch),
    epoch_authenticator: hex(state.keySchedule.epochAuthenticator),
    tree_hash: hex(context.treeHash),
    confirmed_transcript_hash: hex(context.confirmedTranscriptHash),
    confirmation_tag: hex(state.confirmationTag),
    own_leaf: state.privatePath.leafIndex,
    active: state.groupActiveState.kind,
    members: members(state.ratchetTree),
  }
}

// -- making ---------------------------------------------------------------------------------------------------------------------------------

function lifetime(request) {
  const now = BigInt(Math.floor(Date.now() / 1000))
  if (Array.isArray(request.lifetime)) return { notBefore: BigInt(request.lifetime[0]), notAfter: BigInt(request.lifetime[1]) }
  if (request.lifetime === "max") return mls.defaultLifetime
  return { notBefore: now - 3600n, notAfter: now + (request.lifetime === "short" ? 86400n : 60n * 86400n) }
}
// ts-mls itself would put compressed points into leaves, which RFC 9420 section 5.1.1 does not allow: a key is made for it.
async function signatureKey(impl) {
  const curve = { 2: p256, 5: p521, 7: p384 }[mls.ciphersuites[impl.name]]
  if (!curve) return impl.signature.keygen()
  const signKey = curve.utils.randomSecretKey()
  return { signKey, publicKey: curve.getPublicKey(signKey, false) }
}
async function makePackage(request, impl) {
  if (request.x509_chain || request.last_resort) refuse("Unsupported", "basic credentials and ordinary key packages only")
  const capabilities = { ...mls.defaultCapabilities(), extensions: PRIVATE_TYPES, proposals: PRIVATE_TYPES }
  const credential = { credentialType: "basic", identity: bytes(request.identity) }
  return mls.generateKeyPackageWithKey(credential, capabilities, lifetime(request), [], await signatureKey(impl), impl)
}
function leafNamed(state, identity) {
  const found = members(state.ratchetTree).find((m) => m.identity === hex(bytes(identity)))
  return found ? found.leaf : refuse("NotFound", "no such member")
}

const nonce = (impl) => impl.rng.randomBytes(impl.kdf.size)
const proposals = {
  add: (p) => ({ proposalType: "add", add: { keyPackage: message(bytes(p.key_package), "mls_key_package") } }),
  remove: (p, { state }) => ({ proposalType: "remove", remove: { removed: p.leaf ?? leafNamed(state, p.identity) } }),
  psk: (p, { state, impl }) => ({ proposalType: "psk", psk: { preSharedKeyId: pskId(p, state, impl) } }),
  gce: (p) => ({ proposalType: "group_context_extensions", groupContextExtensions: { extensions: extensions(p.extensions) } }),
  reinit: (p) => ({
    proposalType: "reinit",
    reinit: { groupId: bytes(p.new_group_id), version: "mls10", cipherSuite: suiteName(p.suite), extensions: extensions(p.extensions) },
  }),
  custom: (p) => ({ proposalType: p.proposal_type, proposalData: bytes(p.data) }),
}
function pskId(p, state, impl) {
  if (p.psk_id) return { psktype: "external", pskId: bytes(p.psk_id), pskNonce: nonce(impl) }
  const pskGroupId = state.groupContext.groupId
  return { psktype: "resumption", usage: "application", pskGroupId, pskEpoch: BigInt(p.epoch), pskNonce: nonce(impl) }
}
function proposal(p, group) {
  return proposals[p?.type] ? proposals[p.type](p, group) : refuse("Unsupported", `proposal ${p?.type}`)
}

async function commit(request, extraProposals) {
  const group = groupOf(request)
  if (request.force_path) refuse("Unsupported", "force_path")
  const result = await mls.createCommit(
    { state: group.state, cipherSuite: group.impl, pskIndex: pskIndex(group.state) },
    {
      extraProposals: extraProposals(group),
      wireAsPublicMessage: request.public ?? false,
      ratchetTreeExtension: request.tree_ext ?? true,
      authenticatedData: orNone(request.aad),
    },
  )
  if (request.apply ?? true) group.state = result.newState
  else group.pending = result.newState
  return {
    commit: hex(mls.encodeMlsMessage(result.commit)),
    ratchet_tree: hex(encodeRatchetTree(result.newState.ratchetTree)),
    ...welcomeFields(result.welcome),
    ...fields(group),
  }
}
function welcomeFields(welcome) {
  if (!welcome) return {}
  return { welcome: hex(framed("mls_welcome", "welcome", welcome)), welcome_raw: hex(encodeWelcome(welcome)) }
}

// -- joining ----------------------------------------------------------------------------------------------------------------------------------

async function join(request) {
  const welcome = message(bytes(request.welcome), "mls_welcome")
  const tree = request.ratchet_tree ? whole(decodeRatchetTree, bytes(request.ratchet_tree)) : undefined
  const refs = welcome.secrets.map((s) => hex(s.newMember))
  const mine = [...keyPackages.values()].find((kp) => refs.includes(kp.ref) && (!request.kp_id || kp.id === request.kp_id))
  if (!mine) refuse("NotForMe", "no key package of ours")
  const old = request.resume_from && groups.get(request.resume_from)?.state
  let state
  if (old?.groupActiveState.kind === "suspendedPendingReinit")
    state = await mls.joinGroupFromReinit(old, welcome, mine.publicPackage, mine.privatePackage, tree)
  else if (old) state = await mls.joinGroupFromBranch(old, welcome, mine.publicPackage, mine.privatePackage, tree, mine.impl)
  else state = await mls.joinGroup(welcome, mine.publicPackage, mine.privatePackage, pskIndex(undefined), mine.impl, tree)
  keyPackages.delete(mine.id)
  return fields(hold(state, mine.impl))
}
async function externalJoin(request) {
  const info = message(bytes(request.group_info), "mls_group_info")
  const impl = await implOf(request.suite ?? mls.ciphersuites[info.groupContext.cipherSuite])
  const tree = request.ratchet_tree ? whole(decodeRatchetTree, bytes(request.ratchet_tree)) : undefined
  const kp = await makePackage(request, impl)
  const joined = await mls.joinGroupExternal(info, kp.publicPackage, kp.privatePackage, request.resync ?? false, impl, tree)
  return { commit: hex(framed("mls_public_message", "publicMessage", joined.publicMessage)), ...fields(hold(joined.newState, impl)) }
}
async function successor(request, make) {
  const { state: old, impl: oldImpl } = groupOf(request)
  const suite = old.groupActiveState.reinit?.cipherSuite
  const impl = suite ? await implOf(mls.ciphersuites[suite]) : oldImpl
  const kp = await makePackage(request, impl)
  const others = request.key_packages.map((k) => message(bytes(k), "mls_key_package"))
  const result = await make(old, kp, others, impl)
  const group = hold(result.newState, impl)
  return { ...welcomeFields(result.welcome), ratchet_tree: hex(encodeRatchetTree(group.state.ratchetTree)), ...fields(group) }
}

// -- operations ---------------------------------------------------------------------------------------------------------------------------------

const ops = {
  info: () => ({ peer: "ts-mls", version: "1.6.4", suites: SUITES }),
  quit: () => ({}),
  async key_package(request) {
    const impl = await implOf(request.suite)
    const kp = await makePackage(request, impl)
    const ref = hex(await makeKeyPackageRef(kp.publicPackage, impl.hash))
    const id = `kp${++made}`
    keyPackages.set(id, { id, ref, impl, ...kp })
    return {
      kp_id: id,
      key_package: hex(framed("mls_key_package", "keyPackage", kp.publicPackage)),
      key_package_raw: hex(encodeKeyPackage(kp.publicPackage)),
      ref,
      init_priv: hex(kp.privatePackage.initPrivateKey),
      encryption_priv: hex(kp.privatePackage.hpkePrivateKey),
      signature_priv: hex(kp.privatePackage.signaturePrivateKey),
    }
  },
  async create_group(request) {
    const impl = await implOf(request.suite)
    const kp = await makePackage(request, impl)
    const id = orNone(request.group_id) ?? impl.rng.randomBytes(impl.kdf.size)
    const state = await mls.createGroup(id, kp.publicPackage, kp.privatePackage, extensions(request.extensions), impl)
    return fields(hold(state, impl))
  },
  add: (request) => commit(request, (group) => request.key_packages.map((k) => proposal({ type: "add", key_package: k }, group))),
  remove: (request) =>
    commit(request, ({ state }) =>
      (request.leaves ?? [leafNamed(state, request.identity)]).map((removed) => ({ proposalType: "remove", remove: { removed } })),
    ),
  update: (request) => commit(request, () => []),
  commit: (request) => commit(request, (group) => (request.proposals ?? []).map((p) => proposal(p, group))),
  async propose(request) {
    const group = groupOf(request)
    const result = await mls.createProposal(group.state, request.public ?? false, proposal(request.proposal, group), group.impl, orNone(request.aad))
    group.state = result.newState
    return { proposal: hex(mls.encodeMlsMessage(result.message)), ...fields(group) }
  },
  merge(request) {
    const group = groupOf(request)
    if (!group.pending) refuse("State", "nothing is pending")
    group.state = group.pending
    group.pending = undefined
    return fields(group)
  },
  discard(request) {
    const group = groupOf(request)
    group.pending = undefined
    return fields(group)
  },
  join,
  async process(request) {
    const group = groupOf(request)
    let seen = { kind: "application" }
    const note = (incoming) => {
      seen = incoming
      return "accept"
    }
    const got = whole(mls.decodeMlsMessage, bytes(request.message))
    const known = pskIndex(group.state) // processMessage would lose it
    const result = await (got.privateMessage
      ? mls.processPrivateMessage(group.state, got.privateMessage, known, group.impl, note)
      : mls.processPublicMessage(group.state, got.publicMessage, known, group.impl, note))
    group.state = result.newState
    if (seen.kind === "commit") group.pending = undefined
    const data = result.kind === "applicationMessage" ? { data: hex(result.message) } : {}
    return { kind: seen.kind, ...data, ...fields(group) }
  },
  async protect(request) {
    const group = groupOf(request)
    const padding = { ...defaultClientConfig, paddingConfig: { kind: "alwaysPad", paddingLength: request.padding ?? 0 } }
    const state = { ...group.state, clientConfig: padding }
    const result = await mls.createApplicationMessage(state, bytes(request.data), group.impl, orNone(request.aad))
    group.state = result.newState
    return { message: hex(framed("mls_private_message", "privateMessage", result.privateMessage)) }
  },
  epoch: (request) => fields(groupOf(request)),
  tree: (request) => ({ ratchet_tree: hex(encodeRatchetTree(groupOf(request).state.ratchetTree)) }),
  async export(request) {
    const { state, impl } = groupOf(request)
    const context = orNone(request.context) ?? new Uint8Array()
    return { secret: hex(await mls.mlsExporter(state.keySchedule.exporterSecret, request.label, context, request.length ?? 32, impl)) }
  },
  async group_info(request) {
    const { state, impl } = groupOf(request)
    const make = (request.tree_ext ?? true) ? mls.createGroupInfoWithExternalPubAndRatchetTree : mls.createGroupInfoWithExternalPub
    const info = await make(state, [], impl)
    return {
      group_info: hex(framed("mls_group_info", "groupInfo", info)),
      group_info_raw: hex(encodeGroupInfo(info)),
      ratchet_tree: hex(encodeRatchetTree(state.ratchetTree)),
    }
  },
  external_join: externalJoin,
  async propose_join(request) {
    const info = message(bytes(request.group_info), "mls_group_info")
    const kp = keyPackages.get(request.kp_id) ?? refuse("NotFound", "no such key package")
    return { proposal: hex(mls.encodeMlsMessage(await mls.proposeAddExternal(info, kp.publicPackage, kp.privatePackage, kp.impl))) }
  },
  psk(request) {
    psks[mls.bytesToBase64(bytes(request.psk_id))] = bytes(request.secret)
    return {}
  },
  branch: (request) =>
    successor(request, (old, kp, others, impl) =>
      mls.branchGroup(old, kp.publicPackage, kp.privatePackage, others, bytes(request.new_group_id), impl),
    ),
  reinit_create: (request) =>
    successor(request, (old, kp, others) => {
      const { groupId, cipherSuite, extensions: list } = old.groupActiveState.reinit
      return mls.reinitCreateNewGroup(old, kp.publicPackage, kp.privatePackage, others, groupId, cipherSuite, list)
    }),
  save: (request) => ({ state: hex(mls.encodeGroupState(groupOf(request).state)) }),
  async load(request) {
    const state = { ...whole(mls.decodeGroupState, bytes(request.state)), clientConfig: defaultClientConfig }
    return fields(hold(state, await implOf(mls.ciphersuites[state.groupContext.cipherSuite])))
  },
}

// -- the loop ---------------------------------------------------------------------------------------------------------------------------------------

async function answer(line) {
  let request = {}
  try {
    request = JSON.parse(line)
    if (!ops[request.op]) refuse("Unsupported", `no op ${request.op}`)
    const reply = await ops[request.op](request)
    for (const [field, path] of Object.entries(request.out ?? {})) writeFileSync(path, Buffer.from(reply[field], "hex"))
    return { id: request.id, ok: true, ...reply }
  } catch (e) {
    return { id: request.id, ok: false, error: `${e.name}: ${e.message || "refused"}` }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim() || line.startsWith("#")) continue
  const reply = await answer(line)
  process.stdout.write(JSON.stringify(reply) + "\n")
  if (reply.ok && line.includes('"quit"')) break
}
process.exit(0)
