"""What a person looks at: a study's report.html, the index of all studies, and the same in the terminal."""
