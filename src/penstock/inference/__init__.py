"""How does one request run? Route, admission, engine and meter, in that order."""
