//! Tokens that are taken, and those that are not.

use jsonwebtoken::EncodingKey;

use super::*;

/// The key of RFC 8037, appendix A.
const RFC_8037: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const ISSUER: &str = "https://chat.example.org";
const NOW: Timestamp = Timestamp(1_800_000_000_500_000);

fn tokens(pem: &SecretString, issuer: &str) -> Tokens {
    Tokens::from_pem(pem, issuer, Duration::from_secs(600)).unwrap()
}

fn ours() -> Tokens {
    tokens(&RFC_8037.into(), ISSUER)
}

fn viewer() -> Viewer {
    let ambient = Ambient::system();
    Viewer { user: ambient.id(), session: ambient.id() }
}

fn refused(text: &str) -> bool {
    matches!(ours().verify(text, NOW), Err(Error::Unauthenticated))
}

fn part(json: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn claims(viewer: Viewer) -> serde_json::Value {
    serde_json::json!({
        "iss": ISSUER, "sub": viewer.user, "sid": viewer.session,
        "iat": 1_800_000_000, "exp": 1_800_000_600,
    })
}

#[test]
fn a_token_proves_its_viewer_until_it_expires() {
    let (tokens, viewer) = (ours(), viewer());
    let token = tokens.sign(viewer, NOW).unwrap();
    assert_eq!(token.expires_at, Timestamp(1_800_000_600_000_000));
    assert_eq!(tokens.verify(&token.text, NOW).unwrap(), viewer);
    let last = Timestamp(token.expires_at.0 - 1);
    assert_eq!(tokens.verify(&token.text, last).unwrap(), viewer);
    assert!(tokens.verify(&token.text, token.expires_at).is_err());
    assert!(!format!("{token:?}").contains(&token.text));
}

#[test]
fn the_header_and_the_claims_are_those_of_the_contract() {
    let viewer = viewer();
    let token = ours().sign(viewer, NOW).unwrap().text;
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let header: serde_json::Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let body: serde_json::Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    assert_eq!(body, claims(viewer));
}

#[test]
fn the_published_key_is_that_of_rfc_8037() {
    let expected = serde_json::json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    }]});
    assert_eq!(ours().jwks(), expected);
}

#[test]
fn other_algorithms_are_refused() {
    let body = part(&claims(viewer()));
    let none = part(&serde_json::json!({ "alg": "none", "typ": "JWT" }));
    assert!(refused(&format!("{none}.{body}.")));

    // What an attacker has who takes the public key for a shared secret.
    let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let secret = EncodingKey::from_secret(&x);
    let header = Header::new(Algorithm::HS256);
    let hmac = jsonwebtoken::encode(&header, &claims(viewer()), &secret).unwrap();
    assert!(refused(&hmac));
}

#[test]
fn the_tokens_of_others_are_refused() {
    let pem = SigningKeys::generate_pem(&Ambient::system()).unwrap();
    assert!(refused(&tokens(&pem, ISSUER).sign(viewer(), NOW).unwrap().text));
    let elsewhere = tokens(&RFC_8037.into(), "https://evil.example.org");
    assert!(refused(&elsewhere.sign(viewer(), NOW).unwrap().text));
}

#[test]
fn tampered_tokens_are_refused() {
    let token = ours().sign(viewer(), NOW).unwrap().text;
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    assert!(refused(&format!("{header}.{}.{signature}", part(&claims(viewer())))));
    assert!(refused(&format!("{token}x")));
    assert!(refused(&token[..token.len() - 2]));
    assert!(refused(&token[..token.rfind('.').unwrap() + 1]));
    for text in ["", ".", "..", "a.b.c", "Bearer x"] {
        assert!(refused(text), "{text:?}");
    }
}

#[test]
fn a_token_that_was_taken_opens_the_way_for_no_other() {
    let (tokens, viewer) = (ours(), viewer());
    let token = tokens.sign(viewer, NOW).unwrap();
    let [header, body, signature] = token.text.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let other = part(&claims(self::viewer()));
    for _ in 0..2 {
        assert_eq!(tokens.verify(&token.text, NOW).unwrap(), viewer);
        assert!(tokens.verify(&token.text, token.expires_at).is_err());
        for text in [
            format!("{header}.{other}.{signature}"),
            format!("{header}.{body}."),
            format!("{}x", token.text),
        ] {
            assert!(tokens.verify(&text, NOW).is_err(), "{text}");
        }
    }
    let pem = SigningKeys::generate_pem(&Ambient::system()).unwrap();
    assert!(self::tokens(&pem, ISSUER).verify(&token.text, NOW).is_err());
}

#[test]
fn claims_have_to_be_there_and_of_the_right_kind() {
    let tokens = ours();
    let signed = |claims: &serde_json::Value| {
        jsonwebtoken::encode(&tokens.header, claims, tokens.keys.newest().signing()).unwrap()
    };
    assert!(!refused(&signed(&claims(viewer()))));
    for missing in ["iss", "sub", "sid", "exp"] {
        let mut claims = claims(viewer());
        claims.as_object_mut().unwrap().remove(missing);
        assert!(refused(&signed(&claims)), "{missing}");
    }
    let mut swapped = claims(viewer());
    swapped["sub"] = swapped["sid"].clone();
    assert!(refused(&signed(&swapped)));
}

#[test]
fn keys_are_read_back_and_others_refused() {
    let pem = SigningKeys::generate_pem(&Ambient::system()).unwrap();
    assert!(pem.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let token = tokens(&pem, ISSUER).sign(viewer(), NOW).unwrap();
    assert!(tokens(&pem, ISSUER).verify(&token.text, NOW).is_ok());
    for bad in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let refused = Tokens::from_pem(&bad.into(), ISSUER, Duration::from_secs(1));
        assert!(matches!(refused, Err(Error::Invalid { field: "signing-key", .. })));
    }
}

#[test]
fn refresh_tokens_differ_and_are_read_back() {
    let ambient = Ambient::system();
    let token = RefreshToken::draw(&ambient);
    assert_eq!(token.expose().len(), 43);
    assert_ne!(token.hash(), RefreshToken::draw(&ambient).hash());
    assert_eq!(RefreshToken::parse(token.expose()).unwrap().hash(), token.hash());
    assert!(!format!("{token:?}").contains(token.expose()));
    for bad in ["", "abc", &format!("{}A", token.expose()), &"!".repeat(43)] {
        assert!(RefreshToken::parse(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn what_is_critical_is_not_understood() {
    let tokens = ours();
    for crit in [vec!["exp".to_owned()], Vec::new()] {
        let header = Header { crit: Some(crit), ..tokens.header.clone() };
        let signing = tokens.keys.newest().signing();
        let token = jsonwebtoken::encode(&header, &claims(viewer()), signing).unwrap();
        assert!(refused(&token));
    }
}

#[test]
fn tokens_are_bounded_in_length() {
    let tokens = ours();
    let padded = |bytes: usize| {
        let mut claims = claims(viewer());
        claims["padding"] = "x".repeat(bytes).into();
        jsonwebtoken::encode(&tokens.header, &claims, tokens.keys.newest().signing()).unwrap()
    };
    assert!(!refused(&padded(1_000)));
    assert!(refused(&padded(4_000)));
}

#[test]
fn the_newest_key_signs_and_each_checks_its_own() {
    let ambient = Ambient::system();
    let old = RFC_8037.to_owned();
    let new = SigningKeys::generate_pem(&ambient).unwrap().expose_secret().to_owned();
    let [before, after, later] = [old.clone(), format!("# newest\n{new}\n# oldest\n{old}"), new]
        .map(|pem| tokens(&pem.into(), ISSUER));
    assert_eq!((before.kids().len(), after.kids().len()), (1, 2));
    assert_eq!(after.kids(), [later.kids(), before.kids()].concat());
    let published = after.jwks();
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    assert_eq!(published["keys"][0], later.jwks()["keys"][0]);

    let viewer = viewer();
    let token_before = before.sign(viewer, NOW).unwrap().text;
    let token_after = after.sign(viewer, NOW).unwrap().text;
    assert_eq!(after.verify(&token_before, NOW).unwrap(), viewer);
    assert_eq!(after.verify(&token_after, NOW).unwrap(), viewer);
    assert_eq!(later.verify(&token_after, NOW).unwrap(), viewer);
    assert!(before.verify(&token_after, NOW).is_err());
    assert!(later.verify(&token_before, NOW).is_err());
    // Each key counts by its own id only.
    let signing = before.keys.newest().signing();
    let mixed = jsonwebtoken::encode(&after.header, &claims(viewer), signing).unwrap();
    assert!(after.verify(&mixed, NOW).is_err());
}

#[test]
fn of_several_keys_none_may_be_broken() {
    let ok = SigningKeys::generate_pem(&Ambient::system()).unwrap().expose_secret().to_owned();
    let bad = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let cut = &ok[..ok.len() / 2];
    for pem in [format!("{ok}{bad}"), format!("{bad}{ok}"), format!("{ok}{cut}")] {
        assert!(SigningKeys::from_pem(&pem.into()).is_err());
    }
    assert!(SigningKeys::from_pem(&format!("{ok}{ok}").into()).is_ok());
}
