"""What people write around private things, and what only looks private, in four languages: for benchmarks/private.py.

{} is where a thing is planted. In what only looks private {y} is a year, {h} a commit, and {4} a number of four digits.
"""

# fmt: off
AROUND = {
    "e-mail": {
        "en": [
            "Please write to {} instead.", "my new address is {}, the old one is dead", "cc: {}",
            "{} cannot log in since Monday",
        ],
        "de": [
            "Bitte schreiben Sie an {}.", "meine neue Adresse lautet {}", "{} kommt nicht mehr rein",
            "Rückfragen an {}, danke",
        ],
        "es": ["Escríbanme a {} por favor.", "mi correo nuevo es {}, el otro ya no vale", "el usuario {} no puede entrar"],
        "fr": ["Merci d'écrire à {}.", "ma nouvelle adresse est {}, l'autre est morte", "le compte {} est bloqué"],
    },
    "card number": {
        "en": ["You charged {} twice.", "the card is {}, exp 11/29", "card no. {} was declined", "use {} from now on"],
        "de": ["Die Karte {} wurde doppelt belastet.", "Kartennummer {}, gültig bis 11/29", "bitte ab jetzt {} nehmen"],
        "es": ["La tarjeta {} fue rechazada.", "cobren en {} desde ahora", "número de tarjeta: {}"],
        "fr": ["La carte {} a été refusée.", "prélevez sur {} désormais", "numéro de carte : {}, exp. 11/29"],
    },
    "IBAN": {
        "en": ["Refund it to {}.", "our account is {} at the same bank", "IBAN: {}", "please debit {} instead"],
        "de": ["Bitte auf {} überweisen.", "unsere IBAN lautet {}", "Lastschrift künftig von {}", "IBAN {} ist neu"],
        "es": ["Devuélvanlo a {}.", "nuestra cuenta es {}", "IBAN: {}", "domicilien en {} desde junio"],
        "fr": ["Remboursez sur {}.", "notre compte est {}", "IBAN : {}", "prélevez sur {} dès juin"],
    },
    "phone number": {
        "en": ["Call me at {}.", "T {}", "my number is {} if you need more", "reach us on {} until five", "{}, ask for Ines"],
        "de": ["Rufen Sie mich an: {}.", "Tel. {}", "erreichbar unter {} bis fünf", "{}, fragen Sie nach Ines"],
        "es": ["Llámenme al {}.", "Tel.: {}", "mi móvil es {}", "{}, pregunten por Inés"],
        "fr": ["Appelez-moi au {}.", "Tél : {}", "mon portable : {}", "{}, demandez Inès"],
    },
    "key": {
        "en": [
            "I use the API key {} and get 401.", "token: {}", "Authorization: Bearer {}",
            "our secret is {}, why is it refused?",
        ],
        "de": ["Mit dem API-Schlüssel {} kommt 401.", "Token: {}", "der Schlüssel {} wird abgelehnt", "secret={}"],
        "es": ["Con la clave {} sale 401.", "token: {}", "la API key {} ya no funciona", "secret = {}"],
        "fr": ["Avec la clé {} j'ai une erreur 401.", "token : {}", "le jeton {} est refusé", "api_key={}"],
    },
    "password": {
        "en": [
            "my password is {} and it says wrong", "password: {}", "pw is {}", "The pasword for the portal is {}", "pwd={}",
            "I set the password to {}", "user ann, password {}", "the passcode was {}, now it is refused",
        ],
        "de": [
            "mein Passwort ist {} und geht nicht", "Passwort: {}", "das Kennwort lautet {}", "Pw: {}",
            "PW ist {}, bitte ändern", "Passwrot für das Portal: {}", "Benutzer ann, Passwort {}", "Kennwort war {}",
        ],
        "es": [
            "mi contraseña es {} y no entra", "contraseña: {}", "la contrasena es {}", "clave: {}", "password = {}",
            "la contraseña del portal era {}", "usuario ana, contraseña {}",
        ],
        "fr": [
            "mon mot de passe est {} et il est refusé", "mot de passe : {}", "mdp : {}", "le mot de pass est {}", "MDP={}",
            "le mot de passe du portail était {}", "utilisateur ana, mot de passe {}",
        ],
    },
    "IP address": {
        "en": ["We are blocked from {}.", "login from {} was not me", "allow {} please", "server {} answers 502"],
        "de": ["Von {} aus sind wir gesperrt.", "Anmeldung von {} war nicht ich", "bitte {} freigeben"],
        "es": ["Desde {} nos bloquean.", "el acceso desde {} no fui yo", "permitan {} por favor"],
        "fr": ["Depuis {} nous sommes bloqués.", "la connexion de {} n'était pas moi", "autorisez {} svp"],
    },
    "link": {
        "en": ["This link still works: {}", "it sends me to {} and stops", "see {}.", "({})"],
        "de": ["Dieser Link geht noch: {}", "ich lande auf {} und dann nichts", "siehe {}."],
        "es": ["Este enlace aún funciona: {}", "me lleva a {} y se para"],
        "fr": ["Ce lien marche encore : {}", "il m'envoie sur {} et s'arrête", "voir {}."],
    },
}
HARMLESS = {
    "en": [
        "Invoice TW-{y}-{4} of {y}-0{1}-1{1} over {3}.{2} EUR is ticket #{6}.",
        "Version {1}.{2}.{1}.{3} fails since 0{1}/1{1}/{y} at 1{1}:{2} with error {4}.",
        "Order {10} has {3} rows and {7} bytes.", "My password is wrong, please reset the password: it expired.",
        "We meet @ noon, look at some point.",
        "The token is refused and the API key too, see https://docs.corp.example/api?page={2}.",
        "Case no. {8}, customer number {9}, part {3}-{3}-{2}.",
        "It took {4} ms on {y}{0}{1}1{1}, build {y}.{1}.{2}, commit {h}.", "Call me about ticket {7} on 1{1}.0{1}.{y}.",
        "From 09:{2} to 10:{2} the score was {1}:{1}.",
    ],
    "de": [
        "Rechnung {y}-{6} vom 1{1}.0{1}.{y} über {1}.{3},{2} € fehlt.",
        "Das Passwort ist falsch, bitte Kennwort zurücksetzen.", "Bestellnummer {10}, Kundennummer {9}.",
        "Version {1}.{1}.{2} vom 0{1}.1{1}.{y}, Fehler {4}.", "Bitte rufen Sie wegen Ticket {6} an.",
    ],
    "es": [
        "La factura {y}/{5} del 1{1}/0{1}/{y} de {3},{2} € falta.", "La contraseña es incorrecta y la clave no vale.",
        "Pedido número {9}, versión {1}.{1}.{2}.", "Son 1.{3}.{3} filas y {3} {3} bytes.",
    ],
    "fr": [
        "La facture {y}-{6} du 1{1}/0{1}/{y} de {3},{2} € manque.", "Le mot de passe est refusé, la clé aussi.",
        "Commande n° {9}, version {1}.{1}.{2}, erreur {4}.", "Je vois {3} lignes, 1 {3} {3} octets.",
    ],
}
# fmt: on
