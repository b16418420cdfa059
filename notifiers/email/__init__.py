"""E-mail, through Amazon SES."""
