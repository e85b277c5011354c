# SPDX-License-Identifier: Apache-2.0
"""What MLS clients do with one another, written once for any pair of implementations. Every function takes a World; what an implementation
lacks is said by its name in that implementation's list of exceptions."""
from peers import Refused, agree, say, tell

CUSTOM_EXTENSION = 0xF001
CUSTOM_PROPOSAL = 0xF002


def spoil(message, at=-1):
    data = bytearray.fromhex(message)
    data[at] ^= 1
    return data.hex()


# -- joining ------------------------------------------------------------------------------------------------------------------------


def join_with_tree_inside(w):
    alice, bob = w.peer("alice"), w.peer("bob")
    alice("create_group", suite=w.suite, identity="utf8:alice", group_id="utf8:a group")
    made = alice("add", key_packages=[bob("key_package", suite=w.suite, identity="utf8:bob")["key_package"]])
    joined = bob("join", welcome=made["welcome"])
    assert joined["group"] == b"a group".hex() and joined["own_leaf"] == 1 and joined["active"] == "active", joined
    assert joined["members"] == [{"leaf": 0, "identity": b"alice".hex()}, {"leaf": 1, "identity": b"bob".hex()}], joined["members"]
    agree(alice, bob)
    say(alice, "hello", bob)
    say(bob, "hello too", alice)


def join_with_tree_beside(w):
    alice, bob = w.peer("alice"), w.peer("bob")
    alice("create_group", suite=w.suite, identity="utf8:alice")
    made = alice("add", key_packages=[bob("key_package", suite=w.suite, identity="utf8:bob")["key_package"]], tree_ext=False)
    try:
        bob("join", welcome=made["welcome"])
        raise AssertionError("joined without a tree")
    except Refused:
        pass
    bob("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"])
    agree(alice, bob)
    assert alice("tree")["ratchet_tree"] == bob("tree")["ratchet_tree"] == made["ratchet_tree"]


def join_with_bare_structs(w):
    alice, bob = w.peer("alice"), w.peer("bob")
    alice("create_group", suite=w.suite, identity="utf8:alice")
    package = bob("key_package", suite=w.suite, identity="utf8:bob")
    assert package["key_package"][8:] == package["key_package_raw"]
    made = alice("add", key_packages=[package["key_package_raw"]], framed=False)
    bob("join", welcome=made["welcome_raw"], framed=False, kp_id=package["kp_id"])
    agree(alice, bob)


def many_join_at_once(w):
    alice, bob = w.pair()
    others = [w.peer(name) for name in ("carol", "dave", "erin")]
    w.add(alice, [bob], *others)
    dave = others[1]
    say(dave, "all of you", alice, bob, others[0], others[2])
    tell(others[2]("update")["commit"], alice, bob, others[0], dave)
    agree(alice, bob, *others)


def add_with_path(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    w.add(bob, [alice], carol, force_path=True)
    tell(carol("update")["commit"], alice, bob)
    agree(alice, bob, carol)


# -- messages -------------------------------------------------------------------------------------------------------------------------


def messages_with_padding_and_aad(w):
    alice, bob = w.pair()
    message = alice("protect", data="00ff00", aad="utf8:context", padding=200)["message"]
    assert len(message) > 400 and b"context".hex() in message
    got = bob("process", message=message)
    assert got["data"] == "00ff00"
    say(bob, "", alice)


def messages_out_of_order(w):
    alice, bob = w.pair()
    sent = [alice("protect", data=f"utf8:{i}")["message"] for i in range(6)]
    for i in (3, 0, 5, 1, 4, 2):
        assert bytes.fromhex(bob("process", message=sent[i])["data"]) == str(i).encode()
    bob.refuses("process", message=sent[3])


def message_of_the_epoch_before(w):
    alice, bob = w.pair()
    late = alice("protect", data="utf8:late")["message"]
    tell(alice("update")["commit"], bob)
    assert bytes.fromhex(bob("process", message=late)["data"]) == b"late"


# -- commits ----------------------------------------------------------------------------------------------------------------------------


def updates_both_ways(w):
    alice, bob = w.pair()
    for public in (False, True):
        for by, other in ((alice, bob), (bob, alice), (alice, bob)):
            tell(by("update", public=public)["commit"], other)
            agree(alice, bob)
    say(alice, "still here", bob)


def remove_by_leaf_and_name(w):
    alice, bob = w.pair()
    carol, dave = w.peer("carol"), w.peer("dave")
    w.add(alice, [bob], carol, dave)
    commit = bob("remove", leaves=[2])["commit"]
    tell(commit, alice, dave)
    assert carol("process", message=commit)["active"] == "removedFromGroup"
    agree(alice, bob, dave)
    commit = alice("remove", identity="utf8:dave", public=True)["commit"]
    assert dave("process", message=commit)["active"] == "removedFromGroup"
    tell(commit, bob)
    assert len(agree(alice, bob)["members"]) == 2
    carol.refuses("protect", data="utf8:still here?")


def removed_and_back_again(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    w.add(alice, [bob], carol)
    commit = alice("remove", identity="utf8:bob")["commit"]
    tell(commit, carol, bob)
    w.add(carol, [alice], bob)
    say(bob, "back", alice, carol)


def commit_kept_then_merged_or_discarded(w):
    alice, bob = w.pair()
    before = alice("epoch")
    assert alice("update", apply=False)["epoch"] == before["epoch"]
    assert alice("discard")["epoch_authenticator"] == before["epoch_authenticator"]
    made = alice("update", apply=False)
    assert alice("epoch")["epoch"] == before["epoch"]
    tell(made["commit"], bob)
    assert alice("merge")["epoch"] == before["epoch"] + 1
    agree(alice, bob)
    lost = alice("update", apply=False)
    tell(bob("update")["commit"], alice) # bob's was first
    agree(alice, bob)
    bob.refuses("process", message=lost["commit"])
    say(alice, "as one", bob)


# -- proposals ----------------------------------------------------------------------------------------------------------------------------


def proposals_by_reference(w):
    alice, bob = w.pair()
    for public in (False, True):
        carol = w.peer("carol")
        package = carol("key_package", suite=w.suite, identity="utf8:carol")["key_package"]
        add = bob("propose", proposal={"type": "add", "key_package": package}, public=public)["proposal"]
        assert tell(add, alice)["kind"] == "proposal"
        update = bob("propose", proposal={"type": "update"}, public=public)["proposal"]
        tell(update, alice)
        made = alice("commit", public=public)
        tell(made["commit"], bob)
        carol("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"])
        assert len(agree(alice, bob, carol)["members"]) == 3
        remove = alice("propose", proposal={"type": "remove", "identity": "utf8:carol"}, public=public)["proposal"]
        tell(remove, bob, carol)
        commit = bob("commit", public=public)["commit"]
        tell(commit, alice)
        assert carol("process", message=commit)["active"] == "removedFromGroup"
        agree(alice, bob)


def proposals_by_value(w):
    alice, bob = w.pair()
    carol, dave = w.peer("carol"), w.peer("dave")
    packages = [x("key_package", suite=w.suite, identity=f"utf8:{x.name}")["key_package"] for x in (carol, dave)]
    w_add = [{"type": "add", "key_package": p} for p in packages]
    made = bob("commit", proposals=w_add)
    tell(made["commit"], alice)
    for joiner in (carol, dave):
        joiner("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"])
    agree(alice, bob, carol, dave)
    commit = carol("commit", proposals=[{"type": "remove", "leaf": 0}])["commit"]
    tell(commit, alice, bob, dave)
    agree(bob, carol, dave)


def custom_proposals(w):
    alice, bob = w.pair()
    custom = {"type": "custom", "proposal_type": CUSTOM_PROPOSAL, "data": "utf8:anything"}
    tell(alice("propose", proposal=custom)["proposal"], bob)
    tell(bob("commit")["commit"], alice)
    agree(alice, bob)
    tell(alice("commit", proposals=[custom], public=True)["commit"], bob)
    agree(alice, bob)


def external_psk(w):
    alice, bob = w.pair()
    for peer in (alice, bob):
        peer("psk", psk_id="utf8:shared", secret="00112233445566778899aabbccddeeff")
    tell(alice("commit", proposals=[{"type": "psk", "psk_id": "utf8:shared"}])["commit"], bob)
    agree(alice, bob)
    tell(bob("propose", proposal={"type": "psk", "psk_id": "utf8:shared"}, public=True)["proposal"], alice)
    tell(alice("commit", public=True)["commit"], bob)
    agree(alice, bob)


def external_psk_missing(w):
    alice, bob = w.pair()
    alice("psk", psk_id="utf8:mine alone", secret="ff" * 32)
    commit = alice("commit", proposals=[{"type": "psk", "psk_id": "utf8:mine alone"}])["commit"]
    bob.refuses("process", message=commit)
    bob("psk", psk_id="utf8:mine alone", secret="ff" * 32)
    tell(commit, bob)
    agree(alice, bob)


def external_psk_for_a_joiner(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    for peer in (alice, bob, carol):
        peer("psk", psk_id="utf8:all three", secret="ab" * 32)
    package = carol("key_package", suite=w.suite, identity="utf8:carol")["key_package"]
    made = alice("commit", proposals=[{"type": "add", "key_package": package}, {"type": "psk", "psk_id": "utf8:all three"}])
    tell(made["commit"], bob)
    carol("join", welcome=made["welcome"])
    agree(alice, bob, carol)


def resumption_psk(w):
    alice, bob = w.pair()
    epoch = alice("epoch")["epoch"]
    for _ in range(3):
        tell(bob("update")["commit"], alice)
    tell(bob("commit", proposals=[{"type": "psk", "epoch": epoch}])["commit"], alice)
    agree(alice, bob)
    tell(alice("propose", proposal={"type": "psk", "epoch": epoch + 1})["proposal"], bob)
    tell(bob("commit", public=True)["commit"], alice)
    agree(alice, bob)


def group_context_extensions(w):
    alice, bob = w.pair(extensions=[{"type": CUSTOM_EXTENSION, "data": "utf8:first"}])
    change = {"type": "gce", "extensions": [{"type": CUSTOM_EXTENSION, "data": "utf8:second"}]}
    tell(alice("commit", proposals=[change])["commit"], bob)
    agree(alice, bob)
    tell(bob("propose", proposal={"type": "gce", "extensions": []})["proposal"], alice)
    tell(alice("commit")["commit"], bob)
    agree(alice, bob)
    carol = w.peer("carol")
    w.add(bob, [alice], carol)


# -- from outside -------------------------------------------------------------------------------------------------------------------------


def external_joins(w):
    alice, bob = w.pair()
    info = alice("group_info")
    carol = w.peer("carol")
    joined = carol("external_join", group_info=info["group_info"], suite=w.suite, identity="utf8:carol")
    assert tell(joined["commit"], alice, bob)["kind"] == "commit"
    agree(alice, bob, carol)
    info = bob("group_info", tree_ext=False)
    dave = w.peer("dave")
    made = dave("external_join", group_info=info["group_info_raw"], ratchet_tree=info["ratchet_tree"], suite=w.suite, identity="utf8:dave", framed=False)
    tell(made["commit"], alice, bob, carol)
    assert len(agree(alice, bob, carol, dave)["members"]) == 4
    tell(dave("update")["commit"], alice, bob, carol)
    say(carol, "from outside", alice, bob, dave)


def resynchronise(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    w.add(alice, [bob], carol)
    tell(alice("update")["commit"], bob) # carol misses it
    info = bob("group_info")["group_info"]
    commit = carol("external_join", group_info=info, suite=w.suite, identity="utf8:carol", resync=True)["commit"]
    tell(commit, alice, bob)
    assert len(agree(alice, bob, carol)["members"]) == 3
    say(carol, "again", alice, bob)


def resynchronise_with_nothing_left(w):
    alice, bob = w.pair()
    again = w.peer("bob")
    info = alice("group_info")["group_info"]
    commit = again("external_join", group_info=info, suite=w.suite, identity="utf8:bob", resync=True)["commit"]
    tell(commit, alice)
    assert len(agree(alice, again)["members"]) == 2
    assert bob("process", message=commit)["active"] == "removedFromGroup"


def proposed_by_the_joiner(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    package = carol("key_package", suite=w.suite, identity="utf8:carol")
    wish = carol("propose_join", group_info=alice("group_info")["group_info"], kp_id=package["kp_id"])["proposal"]
    assert tell(wish, alice, bob)["kind"] == "proposal"
    made = bob("commit")
    tell(made["commit"], alice)
    carol("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"])
    agree(alice, bob, carol)


# -- groups that continue others -----------------------------------------------------------------------------------------------------------


def reinitialise(w, suite=None):
    alice, bob = w.pair()
    suite = suite or w.suite
    reinit = {"type": "reinit", "new_group_id": "utf8:the next", "suite": suite, "extensions": []}
    commit = alice("commit", proposals=[reinit])
    assert commit["active"] == "suspendedPendingReinit"
    assert tell(commit["commit"], bob)["active"] == "suspendedPendingReinit"
    alice.refuses("protect", data="utf8:too late")
    old = bob("epoch")["group"]
    package = bob("key_package", suite=suite, identity="utf8:bob")["key_package"]
    made = alice("reinit_create", identity="utf8:alice", key_packages=[package])
    assert made["group"] == b"the next".hex() and made["epoch"] == 1
    bob("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"], resume_from=old)
    agree(alice, bob)
    say(bob, "a new life", alice)


def reinitialise_with_another_suite(w):
    reinitialise(w, 2 if w.suite != 2 else 1)


def reinitialise_by_reference(w):
    alice, bob = w.pair()
    reinit = {"type": "reinit", "new_group_id": "utf8:once more", "suite": w.suite, "extensions": []}
    tell(alice("propose", proposal=reinit)["proposal"], bob)
    commit = bob("commit")["commit"]
    tell(commit, alice)
    package = alice("key_package", suite=w.suite, identity="utf8:alice")["key_package"]
    made = bob("reinit_create", identity="utf8:bob", key_packages=[package])
    alice("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"], resume_from=alice("epoch")["group"])
    agree(alice, bob)


def branch(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    w.add(alice, [bob], carol)
    old = [x("epoch")["group"] for x in (alice, bob)]
    package = bob("key_package", suite=w.suite, identity="utf8:bob")["key_package"]
    made = alice("branch", new_group_id="utf8:aside", identity="utf8:alice", key_packages=[package])
    bob("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"], resume_from=old[1])
    agree(alice, bob)
    say(bob, "between us", alice)
    message = alice("protect", group=old[0], data="utf8:to all")["message"]
    assert carol("process", message=message)["kind"] == "application"


# -- state ------------------------------------------------------------------------------------------------------------------------------------


def saved_and_loaded(w):
    alice, bob = w.pair()
    carol = w.peer("carol")
    w.add(alice, [bob], carol)
    say(alice, "before", bob, carol)
    state = bob("save")["state"]
    again = w.peer("bob")
    again("load", state=state, suite=w.suite)
    agree(alice, again)
    tell(alice("update")["commit"], again, carol)
    tell(again("update")["commit"], alice, carol)
    say(again, "after", alice, carol)
    agree(alice, again, carol)


def key_packages_of_all_kinds(w):
    alice = w.peer("alice")
    alice("create_group", suite=w.suite, identity="utf8:alice")
    for number, fields in enumerate(({"lifetime": "short"}, {"lifetime": "max"}, {"lifetime": [0, 4000000000]}, {"grease": True}, {"last_resort": True})):
        peer = w.peer(f"bob{number}")
        package = peer("key_package", suite=w.suite, identity=f"utf8:{peer.name}", **fields)
        for field in ("ref", "init_priv", "encryption_priv", "signature_priv"):
            assert len(bytes.fromhex(package[field])) >= 32, field
        made = alice("add", key_packages=[package["key_package"]])
        peer("join", welcome=made["welcome"])
        agree(alice, peer)


# -- refusals ------------------------------------------------------------------------------------------------------------------------------------


def refusals(w):
    alice, bob = w.pair()
    for public in (False, True):
        commit = alice("update", public=public)["commit"]
        bob.refuses("process", message=spoil(commit))
        bob.refuses("process", message=spoil(commit, len(commit) // 4))
        bob.refuses("process", message=commit[:-2])
        bob.refuses("process", message=commit + "00")
        tell(commit, bob)
        bob.refuses("process", message=commit)
        agree(alice, bob)
    message = alice("protect", data="utf8:once")["message"]
    bob.refuses("process", message=spoil(message))
    assert bob("process", message=message)["kind"] == "application"
    tell(alice("update")["commit"], bob)
    package = bob("key_package", suite=w.suite, identity="utf8:carol")["key_package"]
    alice.refuses("add", key_packages=[spoil(package)])
    alice.refuses("remove", leaves=[7])
    agree(alice, bob)


ALL = [join_with_tree_inside, join_with_tree_beside, join_with_bare_structs, many_join_at_once, add_with_path, messages_with_padding_and_aad,
       messages_out_of_order, message_of_the_epoch_before, updates_both_ways, remove_by_leaf_and_name, removed_and_back_again,
       commit_kept_then_merged_or_discarded, proposals_by_reference, proposals_by_value, custom_proposals, external_psk, external_psk_missing,
       external_psk_for_a_joiner, resumption_psk, group_context_extensions, external_joins, resynchronise, resynchronise_with_nothing_left,
       proposed_by_the_joiner, reinitialise, reinitialise_with_another_suite, reinitialise_by_reference, branch, saved_and_loaded,
       key_packages_of_all_kinds, refusals]
