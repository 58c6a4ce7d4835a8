//! Access tokens: which are taken, and by which keys they are checked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox::{accounts::SigningKeys, ambient::Ambient};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey, pkcs8::DecodePrivateKey};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{
        Client, Feed, TestApp,
        accounts::{PASSWORD, sign_in},
    },
};

stories! {
    only_tokens_of_ours_are_taken,
    what_our_own_key_signed_has_to_be_right_too,
    the_published_key_verifies_our_tokens,
    keys_are_replaced_without_anybody_signing_in_again,
}

/// The three parts of a token, the first two as JSON.
fn parts(token: &str) -> (Value, Value, Vec<u8>) {
    let parts: Vec<Vec<u8>> =
        token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let json = |part: &[u8]| serde_json::from_slice(part).unwrap();
    (json(&parts[0]), json(&parts[1]), parts[2].clone())
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token with these parts, signed with that key.
fn forged(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
    format!("{signed}.{signature}")
}

/// The same JSON with one member set, or taken out.
fn with(json: &Value, member: &str, value: Option<Value>) -> Value {
    let mut json = json.clone();
    match value {
        Some(value) => json[member] = value,
        None => drop(json.as_object_mut().unwrap().remove(member).expect(member)),
    }
    json
}

async fn published(app: &TestApp) -> Vec<Value> {
    let mut keys: Value =
        reqwest::get(app.url("/.well-known/jwks.json")).await.unwrap().json().await.unwrap();
    let Value::Array(keys) = keys["keys"].take() else { panic!("no keys") };
    keys
}

/// Fails unless nobody is let in with this token, by either way.
async fn is_refused(app: &TestApp, what: &str, token: String) {
    let client = Client::new(app.address, Some(token));
    assert!(!client.is_signed_in().await, "{what}");
    assert_eq!(Feed::admitted(&client).await.map(drop).unwrap_err().code, 4403, "{what}");
}

async fn only_tokens_of_ours_are_taken(app: &TestApp) {
    let ada = app.person("ada").await;
    let grace = app.person("grace").await;
    let token = ada.token.clone().unwrap();
    let (header, claims, _) = parts(&token);
    let of_grace = parts(grace.token.as_deref().unwrap()).1;
    let pieces: Vec<&str> = token.split('.').collect();
    let key = SigningKey::from_bytes(&[7; 32]);
    let unsigned = json!({ "typ": "JWT", "alg": "none" });
    let unsigned_by = with(&header, "alg", Some(json!("none")));
    let rsa = with(&header, "alg", Some(json!("RS256")));
    let stranger = with(&header, "kid", Some(json!("somebody-elses")));

    // What an attacker can do who takes the public key for a shared secret.
    let x = published(app).await[0]["x"].as_str().unwrap().to_owned();
    let by_hmac = |secret: &[u8]| {
        let header = jsonwebtoken::Header {
            kid: header["kid"].as_str().map(ToOwned::to_owned),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
        };
        let secret = jsonwebtoken::EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&header, &claims, &secret).unwrap()
    };

    let elsewhere = TestApp::embedded().await;
    let foreign = elsewhere.person("ada").await.token.unwrap();
    let bad = [
        ("nothing", String::new()),
        ("nonsense", "nonsense".to_owned()),
        ("a foreign key with the id of ours", forged(&header, &claims, &key)),
        ("a foreign key by its own id", forged(&stranger, &claims, &key)),
        ("another server's", foreign),
        ("other claims", format!("{}.{}.{}", pieces[0], encoded(&of_grace), pieces[2])),
        ("no algorithm", format!("{}.{}.", encoded(&unsigned), pieces[1])),
        ("no algorithm but a signature", {
            format!("{}.{}.{}", encoded(&unsigned_by), pieces[1], pieces[2])
        }),
        ("the public key as a secret", by_hmac(&URL_SAFE_NO_PAD.decode(&x).unwrap())),
        ("the public key as a secret, as it is written", by_hmac(x.as_bytes())),
        ("RSA", format!("{}.{}.{}", encoded(&rsa), pieces[1], pieces[2])),
        ("no signature", format!("{}.{}.", pieces[0], pieces[1])),
        ("a cut signature", token[..token.len() - 2].to_owned()),
        ("another signature", format!("{}.{}.{}", pieces[0], pieces[1], "A".repeat(86))),
        ("the refresh token", ada.refresh_token.clone()),
        ("two of them", format!("{token} {token}")),
        ("much of nothing", "x".repeat(40_000)),
        ("much of everything", format!("{token}{}", "A".repeat(40_000))),
    ];
    for (what, token) in bad {
        is_refused(app, what, token.clone()).await;
        // The playground of somebody who was signed out can still sign in.
        let client = Client::new(app.address, Some(token));
        sign_in(&client, &ada.username, PASSWORD, None).await.unwrap();
    }
    assert!(ada.is_signed_in().await);
    elsewhere.stop().await;
}

/// The keys of the server, as they stand in its data folder.
fn pem(app: &TestApp) -> String {
    std::fs::read_to_string(app.data.path().join("signing-key.pem")).unwrap()
}

async fn what_our_own_key_signed_has_to_be_right_too(app: &TestApp) {
    let ada = app.person("ada").await;
    let (header, claims, _) = parts(ada.token.as_deref().unwrap());
    let key = SigningKey::from_pkcs8_pem(&pem(app)).unwrap();
    let ours = Client { token: Some(forged(&header, &claims, &key)), ..ada.clone() };
    assert!(ours.is_signed_in().await);

    let ids = (claims["sub"].clone(), claims["sid"].clone());
    for (member, value) in [
        ("iss", None),
        ("iss", Some(json!("https://evil.example.org"))),
        ("iss", Some(json!(format!("{}/", app.url(""))))),
        ("sub", None),
        ("sub", Some(json!("ada"))),
        ("sub", Some(ids.1)),
        ("sid", None),
        ("sid", Some(ids.0)),
        ("exp", None),
        ("exp", Some(json!(0))),
        ("exp", Some(json!(-1))),
        ("exp", Some(json!("tomorrow"))),
        ("exp", Some(json!(claims["iat"]))),
        ("aud", Some(json!("somebody else"))),
        ("padding", Some(json!("x".repeat(10_000)))),
    ] {
        let what = format!("{member}: {value:?}").chars().take(60).collect::<String>();
        let token = forged(&header, &with(&claims, member, value), &key);
        is_refused(app, &what, token).await;
    }
    for (member, value) in [
        ("kid", None),
        ("kid", Some(json!(""))),
        ("alg", None),
        ("alg", Some(json!("eddsa"))),
        ("crit", Some(json!(["exp"]))),
        ("crit", Some(json!([]))),
    ] {
        let what = format!("{member}: {value:?}");
        is_refused(app, &what, forged(&with(&header, member, value), &claims, &key)).await;
    }
    assert!(ada.is_signed_in().await);
}

async fn the_published_key_verifies_our_tokens(app: &TestApp) {
    let ada = app.person("ada").await;
    let token = ada.token.clone().unwrap();
    let keys = published(app).await;
    let (header, claims, signature) = parts(&token);
    assert_eq!(header["alg"], "EdDSA");
    let key = keys.iter().find(|key| key["kid"] == header["kid"]);
    let key = key.expect("the key that signed is published");
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(key.get("d").is_none(), "the private half stays here");

    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    public.verify_strict(signed.as_bytes(), &signature).unwrap();

    assert_eq!(claims["iss"], app.url(""));
    assert_eq!(claims["sub"], ada.id.as_str());
    assert_eq!(claims["sid"], ada.session().await);
    let [issued, expires] = ["iat", "exp"].map(|name| claims[name].as_i64().unwrap());
    assert_eq!(expires - issued, 600);
}

fn kid(client: &Client) -> Value {
    parts(client.token.as_deref().unwrap()).0["kid"].clone()
}

async fn keys_are_replaced_without_anybody_signing_in_again(app: &TestApp) {
    let ada = app.person("ada").await;
    let old = pem(app);
    let new = SigningKeys::generate_pem(&Ambient::system()).unwrap().expose_secret().to_owned();
    let file = app.data.path().join("signing-key.pem");

    // Known everywhere before anything is signed with it, where there are several nodes.
    std::fs::write(&file, format!("{old}{new}")).unwrap();
    app.restart().await;
    assert!(ada.is_signed_in().await);
    assert_eq!(kid(&app.sign_in(&ada.username, PASSWORD).await.unwrap()), kid(&ada));
    let keys = published(app).await;
    assert_eq!((keys.len(), &keys[0]["kid"]), (2, &kid(&ada)));
    let coming = keys[1]["kid"].clone();
    assert_ne!(coming, kid(&ada));

    std::fs::write(&file, format!("The new one.\n{new}\nThe old one.\n{old}")).unwrap();
    app.restart().await;
    assert!(ada.is_signed_in().await, "the old key still counts");
    Feed::connect(&ada).await;
    let grace = app.person("grace").await;
    assert_eq!(kid(&grace), coming, "and the new one signs");
    assert!(grace.is_signed_in().await);
    let keys: Vec<Value> = published(app).await.iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(keys, [kid(&grace), kid(&ada)]);

    std::fs::write(&file, &new).unwrap();
    app.restart().await;
    is_refused(app, "a key that was taken away", ada.token.clone().unwrap()).await;
    assert!(grace.is_signed_in().await);
    let ada = ada.refresh().await.unwrap();
    assert!(ada.is_signed_in().await);
    assert_eq!(kid(&ada), coming);
    assert_eq!(published(app).await.len(), 1);
}
