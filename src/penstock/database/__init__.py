"""Where is it kept? Tables, connections and migrations."""
